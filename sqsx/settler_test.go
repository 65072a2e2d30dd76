package sqsx_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// receive takes messages as an event source mapping does, and returns deliveries as
// lambdax makes them.
func (r *env) receive(client *sqs.Client, queue string) []*taskhawk.Delivery {
	r.Helper()
	url := r.server.Queue(queue).URL
	out, err := client.ReceiveMessage(r.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: 10, VisibilityTimeout: 60, MessageAttributeNames: []string{"All"},
	})
	require.NoError(r, err)
	var deliveries []*taskhawk.Delivery
	for _, m := range out.Messages {
		d := &taskhawk.Delivery{
			Body: *m.Body, MessageID: *m.MessageId, Receipt: *m.ReceiptHandle, Queue: queue, Attempt: 2, Attributes: map[string]string{},
		}
		for name, attribute := range m.MessageAttributes {
			d.Attributes[name] = aws.ToString(attribute.StringValue)
		}
		deliveries = append(deliveries, d)
	}
	return deliveries
}

// Each settlement waits in line for 20 s and in its call for 20 s at most, however many
// others are in front.
func TestSettlerGivesUpOnASilentServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, succeed)
		settler, err := sqsx.NewSettler(r.client, sqsx.SettlerConfig{})
		require.NoError(t, err)
		r.server.Inject(sqstest.Fault{Do: sqstest.Silence()})
		d := &taskhawk.Delivery{Queue: *name(taskhawk.Default), Receipt: "r", Body: "a"}
		var group sync.WaitGroup
		for range 200 {
			for _, settle := range []func() error{
				func() error { return settler.DeadLetter(t.Context(), d, taskhawk.DeadLetter{Reason: "never"}) },
				func() error { return settler.Delete(t.Context(), d) },
				func() error { return settler.SetVisibility(t.Context(), d, time.Minute) },
			} {
				group.Go(func() {
					start := time.Now()
					require.Error(t, settle())
					require.LessOrEqual(t, time.Since(start), 40*time.Second)
				})
			}
		}
		group.Wait()
	})
}

func TestSettlerSettlesWhatOthersReceived(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, succeed)
		settler, err := sqsx.NewSettler(r.client, sqsx.SettlerConfig{})
		require.NoError(t, err)
		queue := *name(taskhawk.Default)
		for n := range 10 {
			r.dispatch(n, taskhawk.WithHeaders(taskhawk.Headers{"tenant": "t1"}))
		}
		deliveries := r.receive(r.client, queue)
		require.Len(t, deliveries, 10)
		r.server.Inject(sqstest.Fault{Do: sqstest.Delay(roundTrip)}) // while a request is on its way, the others gather
		var group sync.WaitGroup
		for i, d := range deliveries {
			group.Go(func() {
				if i < 9 {
					require.NoError(t, settler.SetVisibility(t.Context(), d, time.Duration(i)*time.Minute))
					return
				}
				letter := taskhawk.DeadLetter{Task: "tests.number", Reason: "never", Attempt: 2}
				require.NoError(t, settler.DeadLetter(t.Context(), d, letter))
				require.NoError(t, settler.Delete(t.Context(), d))
			})
		}
		group.Wait()
		require.Equal(t, 8, r.server.Queue(queue).InFlight, "one was given back at once, one is a dead letter")
		require.LessOrEqual(t, r.server.Requests(sqstest.OpChangeMessageVisibilityBatch), 2, "they share requests")
		buried := r.messages(letters(taskhawk.Default))
		require.Len(t, buried, 1)
		require.Equal(t, deliveries[9].Body, buried[0].Body)
		require.Equal(t, "never", buried[0].Attributes["taskhawk_reason"])
		require.Equal(t, "t1", buried[0].Attributes["tenant"])
		require.EqualValues(t, 1, settler.Stats().Sends.Calls)
	})
}

func TestSettlerFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, succeed)
		_, err := sqsx.NewSettler(nil, sqsx.SettlerConfig{})
		require.ErrorContains(t, err, "nil API")
		settler, err := sqsx.NewSettler(r.client, sqsx.SettlerConfig{})
		require.NoError(t, err)
		r.dispatch(1)
		d := r.receive(r.client, *name(taskhawk.Default))[0]
		require.ErrorContains(t, settler.SetVisibility(t.Context(), d, 13*time.Hour), "SQS takes 0 to 12h0m0s")
		time.Sleep(2 * time.Minute)
		r.receive(r.client, *name(taskhawk.Default))
		require.ErrorIs(t, settler.SetVisibility(t.Context(), d, time.Minute), taskhawk.ErrVisibilityLost)

		elsewhere := *d
		elsewhere.Queue = "nowhere"
		var queue *sqsx.QueueError
		require.ErrorAs(t, settler.DeadLetter(t.Context(), &elsewhere, taskhawk.DeadLetter{}), &queue)
		require.Equal(t, "nowhere-DLQ", queue.Queue)
		require.NotContains(t, queue.Error(), d.Receipt)

		odd := r.receive(r.client, *name(taskhawk.Default))
		require.Empty(t, odd)
		d.Attributes = map[string]string{"": "x", "bad name": "x", "empty": "", "long": strings.Repeat("x", 9)}
		require.NoError(t, settler.DeadLetter(t.Context(), d, taskhawk.DeadLetter{Task: "t"}), "what SQS refuses as an attribute is left out")
	})
}

// refusing refuses changes of visibility with the texts of SQS.
type refusing struct {
	*sqs.Client
	text string
}

func (r refusing) ChangeMessageVisibilityBatch(
	_ context.Context, in *sqs.ChangeMessageVisibilityBatchInput, _ ...func(*sqs.Options),
) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	out := &sqs.ChangeMessageVisibilityBatchOutput{}
	for _, entry := range in.Entries {
		out.Failed = append(out.Failed, types.BatchResultErrorEntry{
			Id: entry.Id, Code: aws.String("InvalidParameterValue"), Message: &r.text, SenderFault: true,
		})
	}
	return out, nil
}

// SQS says by text alone that a message is not in flight any more.
func TestSettlerKnowsLostMessagesByTheirText(t *testing.T) {
	t.Parallel()
	for text, lost := range map[string]bool{
		"Value x for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.":                                           true,
		"Value x for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.": true,
		"Value 43201 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit.":      false,
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newEnv(t, succeed)
			settler, err := sqsx.NewSettler(refusing{r.client, text}, sqsx.SettlerConfig{})
			require.NoError(t, err)
			r.dispatch(1)
			d := r.receive(r.client, *name(taskhawk.Default))[0]
			err = settler.SetVisibility(t.Context(), d, time.Minute)
			require.Error(t, err)
			require.Equal(t, lost, errors.Is(err, taskhawk.ErrVisibilityLost), text)
		})
	}
}
