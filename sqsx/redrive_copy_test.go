package sqsx_test

import (
	"context"
	"strings"
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

func TestRedriveKeepsTheRateWhenItCopies(t *testing.T) {
	t.Parallel()
	for _, rate := range []int{1, 3, 10, 50} {
		inGraveyard(t, func(g *graveyard) {
			g.buryMany(100)
			began := time.Now()
			config := onlyDefault()
			config.Copy, config.Rate = true, rate
			require.Equal(g, 100, g.redrive(config).Total())
			took := time.Since(began) - time.Second // the empty poll at the end
			least := time.Duration(100-min(rate, 10)) * time.Second / time.Duration(rate)
			require.InDelta(g, least, took, float64(time.Second), "at %d a second", rate)
			require.GreaterOrEqual(g, took, least)
		})
	}
}

// A pass that takes long looks at each letter once, and asks SQS for longer and longer
// leases.
func TestRedriveHoldsLettersThroughALongPass(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		for range 50 {
			g.buryTasks("tests.b")
		}
		g.buryMany(900)
		report := g.redrive(sqsx.RedriveConfig{Tasks: []string{"tests.a"}, Rate: 1, Priorities: []taskhawk.Priority{taskhawk.Default}})
		require.Equal(g, sqsx.RedriveCount{Moved: 900, Skipped: 50}, report.Count())
		for _, letter := range g.server.Queue(deadLettersOf(taskhawk.Default)).Messages {
			require.Equal(g, 1, letter.Receives)
		}
		g.requireDead(50)
		require.Less(g, g.server.Requests(sqstest.OpChangeMessageVisibilityBatch), 60, "a quarter of an hour, 5 batches")
		require.Empty(g, g.server.ClientErrors())
	})
}

// SQS keeps no message from others for more than twelve hours. The scan knows the
// letters that come back then.
func TestRedriveEndsThoughClaimsEndAfterTwelveHours(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		for range 10 {
			g.buryTasks("tests.b")
		}
		g.buryMany(750)
		began := time.Now()
		report := g.redrive(sqsx.RedriveConfig{
			Tasks: []string{"tests.a"}, Rate: 1, Priorities: []taskhawk.Priority{taskhawk.Default},
			Reason: func(string) bool { time.Sleep(time.Minute); return true },
		})
		require.Greater(g, time.Since(began), sqsx.MaxVisibility)
		require.Equal(g, sqsx.RedriveCount{Moved: 750, Skipped: 10}, report.Count())
		require.Equal(g, 2, g.server.Queue(deadLettersOf(taskhawk.Default)).Messages[0].Receives)
		g.requireDead(10)
		require.Empty(g, g.server.ClientErrors())
	})
}

// Claims that cannot be extended end, and the pass ends all the same.
func TestRedriveThatCannotExtendItsClaims(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		for range 25 {
			g.buryTasks("tests.b")
		}
		g.buryMany(600)
		g.server.Inject(sqstest.Fault{On: sqstest.OpChangeMessageVisibilityBatch, Do: sqstest.Error("AccessDenied", "not authorized")})
		report := g.redrive(sqsx.RedriveConfig{Tasks: []string{"tests.a"}, Rate: 2, Priorities: []taskhawk.Priority{taskhawk.Default}})
		require.Equal(g, sqsx.RedriveCount{Moved: 600, Skipped: 25}, report.Count())
		time.Sleep(2 * time.Minute)
		g.requireDead(25)
	})
}

// The filter takes longer than the leases: letters that others may have by then are not
// moved.
func TestRedriveDoesNotMoveWhatItHoldsNoLonger(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryMany(2)
		config := onlyDefault()
		config.Reason = func(string) bool { time.Sleep(2 * time.Minute); return true }
		report, err := sqsx.Redrive(g.Context(), g.client, app, config)
		require.ErrorContains(g, err, "lease lost before the message could be moved (2 failures)")
		require.Equal(g, sqsx.RedriveCount{Failed: 2}, report.Count())
		g.requireBack(0)
		g.requireDead(2)
	})
}

func TestRedriveGivesLettersBackWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		for range 30 {
			g.buryTasks("tests.b")
		}
		g.buryMany(30)
		ctx, cancel := context.WithTimeout(g.Context(), 10*time.Second)
		defer cancel()
		report, err := sqsx.Redrive(ctx, g.client, app, sqsx.RedriveConfig{Tasks: []string{"tests.a"}, Rate: 1})
		require.ErrorIs(g, err, context.DeadlineExceeded)
		require.InDelta(g, 10, report.Total(), 1)
		g.requireBack(report.Total())
		g.requireDead(60 - report.Total())
	})
}

// The endpoint falls silent in the middle of a batch, and the operator gives up.
func TestRedriveReturnsWithinAMinuteWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{sqstest.OpReceiveMessage, sqstest.OpSendMessageBatch, sqstest.OpDeleteMessageBatch} {
		inGraveyard(t, func(g *graveyard) {
			for range 20 {
				g.buryTasks("tests.b")
			}
			g.buryMany(20)
			silent := false
			g.server.Inject(sqstest.Fault{Do: sqstest.Silence(), If: func(r sqstest.Request) bool {
				silent = silent || r.Operation == operation && r.Queue != "" && g.server.Requests(sqstest.OpReceiveMessage) > 3
				return silent
			}})
			ctx, cancel := context.WithTimeout(g.Context(), 5*time.Second)
			defer cancel()
			config := onlyDefault()
			config.Tasks, config.Rate = []string{"tests.a"}, 5
			began := time.Now()
			_, err := sqsx.Redrive(ctx, g.client, app, config)
			require.ErrorIs(g, err, context.DeadlineExceeded, operation)
			require.Less(g, time.Since(began)-5*time.Second, time.Minute, operation)
			require.True(g, silent, operation)
		})
	}
}

// receiveAll takes messages off a queue with all that SQS says of them.
func (g *graveyard) receiveAll(queue string) []types.Message {
	g.Helper()
	out, err := g.client.ReceiveMessage(g.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: aws.String(g.url(queue)), MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	require.NoError(g, err)
	return out.Messages
}

func TestRedriveKeepsTheMessageAsItWas(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		body := g.body("tests.a")
		g.bury(deadLettersOf(taskhawk.Default), body,
			withAttribute("taskhawk_task", "tests.a"), withAttribute("taskhawk_reason", "down"), withAttribute("taskhawk_attempt", "3"),
			func(in *sqs.SendMessageInput) {
				in.MessageAttributes["number"] = types.MessageAttributeValue{DataType: aws.String("Number.int"), StringValue: aws.String("7")}
				in.MessageAttributes["bytes"] = types.MessageAttributeValue{DataType: aws.String("Binary"), BinaryValue: []byte{0, 255}}
				in.MessageGroupId = aws.String("tenant-7")
				in.MessageSystemAttributes = map[string]types.MessageSystemAttributeValue{
					"AWSTraceHeader": {DataType: aws.String("String"), StringValue: aws.String("Root=1-5e1b4151-5ac6c58f5b5daa6b5b5daa6b")},
				}
			})
		g.redrive(sqsx.RedriveConfig{Copy: true})
		message := g.receiveAll(queueOf(taskhawk.Default))[0]
		require.Equal(g, body, *message.Body)
		require.Equal(g, "tenant-7", message.Attributes["MessageGroupId"])
		require.Equal(g, "Root=1-5e1b4151-5ac6c58f5b5daa6b5b5daa6b", message.Attributes["AWSTraceHeader"])
		require.Equal(g, "1", message.Attributes["ApproximateReceiveCount"], "it begins anew")
		require.Len(g, message.MessageAttributes, 3)
		require.Equal(g, "tests.a", *message.MessageAttributes["taskhawk_task"].StringValue)
		require.Equal(g, "Number.int", *message.MessageAttributes["number"].DataType)
		require.Equal(g, "7", *message.MessageAttributes["number"].StringValue)
		require.Equal(g, []byte{0, 255}, message.MessageAttributes["bytes"].BinaryValue)
	})
}

func TestRedriveOfLargeMessagesSplitsBatchesBySize(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		for range 10 {
			g.bury(deadLettersOf(taskhawk.Default), strings.Repeat("x", 300<<10))
		}
		largest := strings.Repeat("x", sqsx.MaxMessageSize-len("taskhawk_reasonStringr"))
		g.bury(deadLettersOf(taskhawk.Default), largest, withAttribute("taskhawk_reason", "r"))
		require.Equal(g, 11, g.redrive(sqsx.RedriveConfig{Copy: true}).Total())
		require.Equal(g, 5, g.server.Requests(sqstest.OpSendMessageBatch), "3 + 3 + 3 + 1, and the largest")
		require.Equal(g, 5, g.server.Requests(sqstest.OpDeleteMessageBatch))
		require.Empty(g, g.server.ClientErrors())
		g.requireBack(11)
	})
}

func TestRedriveTakesThreeRequestsForTenMessages(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		for range 100 {
			g.buryTasks("tests.a")
		}
		g.server.ResetCounts()
		g.redrive(sqsx.RedriveConfig{Copy: true, Priorities: []taskhawk.Priority{taskhawk.Default}})
		require.Equal(g, 2+10+10+11, g.server.TotalRequests(), "two look-ups, and an empty poll at the end")
	})
}

// Letters are moved in order within each group, even if one of them fails.
func TestRedriveOfFIFOQueues(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGraveyard(t, sqsx.ProvisionConfig{Naming: fifoName})
		dead, back := "TASKHAWK-DEV-MYAPP-DLQ.fifo", "TASKHAWK-DEV-MYAPP.fifo"
		for _, body := range []string{"a1", "a2", "b1", "a3", "b2", "c1"} {
			g.bury(dead, body, func(in *sqs.SendMessageInput) {
				in.MessageGroupId, in.MessageDeduplicationId = aws.String(body[:1]), aws.String(body)
			})
		}
		g.server.Inject(sqstest.Fault{On: sqstest.OpSendMessageBatch, Nth: 2, Do: sqstest.FailEntries("InvalidParameterValue", true, 0)})
		config := sqsx.RedriveConfig{Naming: fifoName, Copy: true}
		report, err := sqsx.Redrive(t.Context(), g.client, app, config)
		require.ErrorContains(t, err, "InvalidParameterValue")
		require.ErrorContains(t, err, "an earlier message of its group failed")
		require.Equal(t, sqsx.RedriveCount{Moved: 4, Failed: 2}, report.Count())
		require.Equal(t, []string{"a1", "b1", "b2", "c1"}, g.bodies(back))
		require.Equal(t, []string{"a2", "a3"}, g.bodies(dead))

		require.Equal(t, 2, g.redrive(config).Total())
		require.Equal(t, []string{"a1", "b1", "b2", "c1", "a2", "a3"}, g.bodies(back))
		require.Equal(t, "a", g.server.Queue(back).Messages[0].GroupID)
	})
}

// A redrive that was cut off between sending and deleting leaves no copy on a FIFO queue
// when it is repeated soon.
func TestRedriveOfFIFOQueuesIsDeduplicated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGraveyard(t, sqsx.ProvisionConfig{Naming: fifoName})
		g.bury("TASKHAWK-DEV-MYAPP-DLQ.fifo", "a1", func(in *sqs.SendMessageInput) {
			in.MessageGroupId, in.MessageDeduplicationId = aws.String("a"), aws.String("1")
		})
		config := sqsx.RedriveConfig{Naming: fifoName, Copy: true}
		g.server.Inject(sqstest.Fault{On: sqstest.OpDeleteMessageBatch, Do: sqstest.Error("AccessDenied", "no")})
		report, err := sqsx.Redrive(t.Context(), g.client, app, config)
		require.ErrorContains(t, err, "AccessDenied")
		require.Equal(t, sqsx.RedriveCount{Moved: 1, Doubled: 1}, report.Count())
		g.server.Heal()
		time.Sleep(time.Minute)
		require.Equal(t, 1, g.redrive(config).Total())
		require.Equal(t, []string{"a1"}, g.bodies("TASKHAWK-DEV-MYAPP.fifo"))
		require.Empty(t, g.bodies("TASKHAWK-DEV-MYAPP-DLQ.fifo"))
	})
}
