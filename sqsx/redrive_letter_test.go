package sqsx_test

import (
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
			})
		g.redrive(sqsx.RedriveConfig{Copy: true})
		message := g.receiveAll(queueOf(taskhawk.Default))[0]
		require.Equal(g, body, *message.Body)
		require.Equal(g, "tenant-7", message.Attributes["MessageGroupId"])
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

// In order within each group, also where a message fails on its way.
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
		require.ErrorContains(t, err, "an earlier message of its group could not be moved")
		require.Equal(t, sqsx.RedriveCount{Moved: 4, Failed: 2}, report.Count())
		require.Equal(t, []string{"a1", "b1", "b2", "c1"}, g.bodies(back))
		require.Equal(t, []string{"a2", "a3"}, g.bodies(dead))

		require.Equal(t, 2, g.redrive(config).Total())
		require.Equal(t, []string{"a1", "b1", "b2", "c1", "a2", "a3"}, g.bodies(back))
		require.Equal(t, "a", g.server.Queue(back).Messages[0].GroupID)
	})
}

// A redrive that was cut off between sending and deleting leaves no copy on a FIFO queue when it is repeated soon.
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
