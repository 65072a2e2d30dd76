package lambdax_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestSQSFailsTheBatchWhenAnyRecordFails(t *testing.T) {
	t.Parallel()
	r := newEnv(t)
	response, err := must(lambdax.SQS(r.hub, lambdax.SQSConfig{}))(t.Context(), doing("", "fail", "panic", "bad", "unknown", "ignore", "goexit", "permanent", ""))
	require.Empty(t, reported(t, response), "Lambda does not look at it")
	require.Equal(t, []int{0, 1, 2, 5, 6, 7, 8}, r.ran, "one failure does not keep the others from running")

	var batch *lambdax.BatchError
	require.ErrorAs(t, err, &batch)
	require.Equal(t, 9, batch.Total)
	var ids []string
	for _, failed := range batch.Failed {
		ids = append(ids, failed.MessageID)
	}
	require.Equal(t, []string{"m1", "m2", "m3", "m4", "m6", "m7"}, ids)
	require.ErrorIs(t, err, errDown)
	require.ErrorIs(t, err, taskhawk.ErrUnknownTask)
	require.ErrorContains(t, err, "lambdax: 6 of 9 records failed: record m1: the service is down; record m2: panic (string); record m3: ")
	require.ErrorContains(t, err, "runtime.Goexit")
	require.NotContains(t, err.Error(), secret)
	require.NotContains(t, err.Error(), "\n")
}

func TestSQSSucceeds(t *testing.T) {
	t.Parallel()
	for name, event := range map[string]events.SQSEvent{
		"one": doing(""), "ignored": doing("ignore", ""), "FIFO": fifo(doing("", "", ""), "a", "b", "a"),
	} {
		for _, config := range []lambdax.SQSConfig{
			{}, {PartialBatch: true}, {PartialBatch: true, ErrorIfAllFailed: true}, {Concurrency: 4},
		} {
			r := newEnv(t)
			response, err := must(lambdax.SQS(r.hub, config))(t.Context(), event)
			require.NoError(t, err, name)
			text, err := json.Marshal(response)
			require.NoError(t, err)
			require.JSONEq(t, `{"batchItemFailures":[]}`, string(text), name)
			require.Len(t, r.ran, len(event.Records))
		}
	}
}

func TestPartialBatchReportsWhatFailed(t *testing.T) {
	t.Parallel()
	r := newEnv(t)
	handle := must(lambdax.SQS(r.hub, lambdax.SQSConfig{PartialBatch: true}))
	response, err := handle(t.Context(), doing("", "fail", "panic", "bad", "unknown", "ignore", "goexit", "permanent", "later", ""))
	require.NoError(t, err)
	require.Equal(t, []string{"m1", "m2", "m3", "m4", "m6", "m7", "m8"}, reported(t, response))

	response, err = handle(t.Context(), doing("fail", "panic"))
	require.NoError(t, err)
	require.Equal(t, []string{"m0", "m1"}, reported(t, response), "all of them, when all failed")
}

func TestPartialBatchMayFailWhenAllFailed(t *testing.T) {
	t.Parallel()
	handle := must(lambdax.SQS(newEnv(t).hub, lambdax.SQSConfig{PartialBatch: true, ErrorIfAllFailed: true}))
	_, err := handle(t.Context(), doing("fail", "panic"))
	require.ErrorContains(t, err, "2 of 2 records failed")
	response, err := handle(t.Context(), doing("fail", ""))
	require.NoError(t, err)
	require.Equal(t, []string{"m0"}, reported(t, response))
}

func TestPartialBatchNeverReportsAnEmptyID(t *testing.T) {
	t.Parallel()
	event := doing("", "fail", "fail")
	event.Records[1].MessageId = ""
	response, err := must(lambdax.SQS(newEnv(t).hub, lambdax.SQSConfig{PartialBatch: true}))(t.Context(), event)
	require.ErrorContains(t, err, "2 of 3 records failed", "which it is cannot be said otherwise")
	require.Empty(t, reported(t, response))
	event.Records[1] = message(1, body("do", 1, ""))
	event.Records[0].MessageId = ""
	response, err = must(lambdax.SQS(newEnv(t).hub, lambdax.SQSConfig{PartialBatch: true}))(t.Context(), event)
	require.NoError(t, err)
	require.Equal(t, []string{"m2"}, reported(t, response), "what is done needs no id")
}

func TestAMessageThatStandsTwiceRunsOnce(t *testing.T) {
	t.Parallel()
	event := doing("", "fail", "")
	again := event.Records[1]
	again.ReceiptHandle = "r1 again"
	event.Records = append(event.Records, again)
	r := newEnv(t)
	response, err := must(lambdax.SQS(r.hub, lambdax.SQSConfig{PartialBatch: true}))(t.Context(), event)
	require.NoError(t, err)
	require.Equal(t, []string{"m1"}, reported(t, response))
	require.Equal(t, []int{0, 1, 2}, r.ran)
	require.Equal(t, "r1 again", r.seen[1].Receipt, "only the last receipt handle counts")
}

func TestSQSMetadata(t *testing.T) {
	t.Parallel()
	r := newEnv(t)
	_, err := must(lambdax.SQS(r.hub, lambdax.SQSConfig{}))(t.Context(), doing(""))
	require.NoError(t, err)
	require.Equal(t, []taskhawk.Metadata{{
		ID: "i0", Task: "do", Priority: taskhawk.High, Headers: taskhawk.Headers{"h": "v"},
		Timestamp: time.UnixMilli(1460868253255).UTC(), Version: "1.0", Attempt: 2, Queue: "TASKHAWK-DEV-MYAPP", MessageID: "m0", Receipt: "r0",
	}}, r.seen)
}

// What Lambda never sends must not panic all the same, and a message is read however its
// attributes look.
func TestOddMessages(t *testing.T) {
	t.Parallel()
	event := doing("", "", "", "")
	event.Records[0] = events.SQSMessage{Body: event.Records[0].Body}
	event.Records[1].Attributes = map[string]string{"ApproximateReceiveCount": "many", "SentTimestamp": "yesterday"}
	event.Records[2].EventSourceARN = ":::"
	event.Records[3].MessageAttributes = map[string]events.SQSMessageAttribute{"a": {DataType: "Binary", BinaryValue: []byte{0}}, "": {}}
	r := newEnv(t)
	_, err := must(lambdax.SQS(r.hub, lambdax.SQSConfig{}))(t.Context(), event)
	require.NoError(t, err)
	require.Len(t, r.ran, 4)
	require.Equal(t, 1, r.seen[1].Attempt)
	require.Empty(t, r.seen[2].Queue)
}

func TestEncodedBodies(t *testing.T) {
	t.Parallel()
	encoding, sample := "base64", body("do", 0, "")
	event := doing("")
	event.Records[0].Body = "eyJpZCI6ImkiLCJtZXRhZGF0YSI6eyJ0aW1lc3RhbXAiOjEsInZlcnNpb24iOiIxLjAifSwidGFzayI6ImRvIiwiYXJncyI6WzcsIiJdfQ=="
	event.Records[0].MessageAttributes = map[string]events.SQSMessageAttribute{"taskhawk_encoding": {DataType: "String", StringValue: &encoding}}
	wrapped, err := json.Marshal(map[string]string{"Type": "Notification", "TopicArn": "arn:aws:sns:r:1:t", "MessageId": "s", "Message": sample})
	require.NoError(t, err)
	event.Records = append(event.Records, message(1, string(wrapped)))
	r := newEnv(t)
	_, err = must(lambdax.SQS(r.hub, lambdax.SQSConfig{}))(t.Context(), event)
	require.NoError(t, err)
	require.Equal(t, []int{7, 0}, r.ran)
	require.Equal(t, "arn:aws:sns:r:1:t", r.seen[1].Topic)
}

// A mistake is an error when the handler is made, of all three kinds.
func TestMistakesAreErrorsAtOnce(t *testing.T) {
	t.Parallel()
	none := func(int) time.Duration { return 0 }
	for text, config := range map[string]lambdax.SQSConfig{
		"negative Concurrency: -1":                 {Concurrency: -1},
		"negative Margin: -1s":                     {Margin: -time.Second},
		"ErrorIfAllFailed without PartialBatch":    {ErrorIfAllFailed: true},
		"no Settler: Backoff would have no effect": {Backoff: none},
	} {
		requireRefused(t, newEnv(t).hub, config, "lambdax: new SQS handler: "+text)
	}
	for text, config := range map[string]lambdax.SNSConfig{
		"negative Concurrency: -1": {Concurrency: -1}, "negative Margin: -1ns": {Margin: -1},
	} {
		handle, err := lambdax.SNS(newEnv(t).hub, config)
		require.Nil(t, handle)
		require.ErrorContains(t, err, "lambdax: new SNS handler: "+text)
		_, err = lambdax.Handler(newEnv(t).hub, lambdax.HandlerConfig{SNS: config})
		require.ErrorContains(t, err, "lambdax: new SNS handler: "+text)
	}
}

func TestAHubThatCanRunNothingIsRefused(t *testing.T) {
	t.Parallel()
	runs := taskhawk.New("runs", func(context.Context, struct{}) error { return nil })
	requireRefused(t, nil, lambdax.SQSConfig{}, "lambdax: new SQS handler: nil hub")
	for text, config := range map[string]taskhawk.Config{
		"no tasks":                 {},
		"Config.Sync":              {Sync: true, Tasks: []taskhawk.AnyTask{runs}},
		"no task of the hub has a": {Tasks: []taskhawk.AnyTask{taskhawk.New[struct{}]("sends", nil)}},
	} {
		hub := must(taskhawk.NewHub(config))
		requireRefused(t, hub, lambdax.SQSConfig{}, text)
		_, err := lambdax.SNS(hub, lambdax.SNSConfig{})
		require.ErrorContains(t, err, text)
	}
}

// requireRefused holds that neither SQS nor Handler makes a handler of these.
func requireRefused(t *testing.T, hub *taskhawk.Hub, config lambdax.SQSConfig, text string) {
	t.Helper()
	sqs, err := lambdax.SQS(hub, config)
	require.Nil(t, sqs)
	require.ErrorContains(t, err, text)
	handle, err := lambdax.Handler(hub, lambdax.HandlerConfig{SQS: config})
	require.Nil(t, handle)
	require.ErrorContains(t, err, text)
}

func TestABatchErrorNamesTheFirstTen(t *testing.T) {
	t.Parallel()
	what := make([]string, 12)
	for i := range what {
		what[i] = "fail"
	}
	event := doing(what...)
	event.Records[0].MessageId = strings.Repeat("x", 200)
	_, err := must(lambdax.SQS(newEnv(t).hub, lambdax.SQSConfig{}))(t.Context(), event)
	require.ErrorContains(t, err, "12 of 12 records failed: record "+strings.Repeat("x", 64)+"...: the service is down; record m1: ")
	require.ErrorContains(t, err, "record m9: the service is down; and others")
	require.NotContains(t, err.Error(), "m10")
}
