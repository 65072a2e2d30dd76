package sqstest_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

const arnOf = "arn:aws:sqs:us-east-1:000000000000:"

func (f *fixture) startMove(in *sqs.StartMessageMoveTaskInput) (string, error) {
	out, err := f.client.StartMessageMoveTask(f.Context(), in)
	if err != nil {
		return "", err
	}
	return *out.TaskHandle, nil
}

func (f *fixture) moves(source string) []types.ListMessageMoveTasksResultEntry {
	f.Helper()
	out, err := f.client.ListMessageMoveTasks(f.Context(), &sqs.ListMessageMoveTasksInput{
		SourceArn: aws.String(arnOf + source), MaxResults: aws.Int32(10),
	})
	require.NoError(f, err)
	return out.Results
}

// graveyard makes a queue with n dead letters.
func (f *fixture) graveyard(n int) (url, dead string) {
	f.Helper()
	dead = f.queue("dlq")
	url = f.queue("jobs", "RedrivePolicy", redriveTo("dlq", "1"))
	for range n {
		f.send(url, "poison")
	}
	for range n {
		f.receiveOne(url, func(in *sqs.ReceiveMessageInput) { in.MaxNumberOfMessages = 1 })
	}
	time.Sleep(time.Minute)
	require.Empty(f, f.receive(url))
	require.Equal(f, n, f.Queue("dlq").Visible)
	return url, dead
}

func TestMoveTaskSendsDeadLettersBackAsNewMessages(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url, _ := f.graveyard(3)
		was := f.Queue("dlq").Messages[0]
		_, err := f.startMove(&sqs.StartMessageMoveTaskInput{SourceArn: aws.String(arnOf + "dlq")})
		require.NoError(f, err)
		require.Empty(f, f.Queue("dlq").Messages)
		now := f.Queue("jobs").Messages[0]
		require.NotEqual(f, was.ID, now.ID)
		require.Zero(f, now.Receives)
		require.True(f, now.SentAt.Equal(time.Now()))
		require.Len(f, f.receive(url), 3)
		task := f.moves("dlq")[0]
		require.Equal(f, "COMPLETED", *task.Status)
		require.EqualValues(f, 3, task.ApproximateNumberOfMessagesMoved)
		require.EqualValues(f, 3, *task.ApproximateNumberOfMessagesToMove)
		require.Nil(f, task.TaskHandle)
	})
}

func TestMoveTaskWithARate(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url, _ := f.graveyard(5)
		in := &sqs.StartMessageMoveTaskInput{
			SourceArn: aws.String(arnOf + "dlq"), DestinationArn: aws.String(arnOf + "jobs"), MaxNumberOfMessagesPerSecond: aws.Int32(2),
		}
		handle, err := f.startMove(in)
		require.NoError(f, err)
		require.Equal(f, "RUNNING", *f.moves("dlq")[0].Status)
		require.Equal(f, handle, *f.moves("dlq")[0].TaskHandle)
		_, err = f.startMove(in)
		require.Equal(f, "InvalidParameterValue", code(f.T, err), "one at a time")
		start := time.Now()
		f.receiveOne(url, waiting(20*time.Second))
		require.Equal(f, 500*time.Millisecond, time.Since(start), "a parked poll wakes for the first")
		time.Sleep(time.Second)
		out, err := f.client.CancelMessageMoveTask(f.Context(), &sqs.CancelMessageMoveTaskInput{TaskHandle: &handle})
		require.NoError(f, err)
		require.EqualValues(f, 3, out.ApproximateNumberOfMessagesMoved)
		time.Sleep(time.Minute)
		require.Equal(f, 2, f.Queue("dlq").Visible)
		require.Equal(f, "CANCELLED", *f.moves("dlq")[0].Status)
		_, err = f.client.CancelMessageMoveTask(f.Context(), &sqs.CancelMessageMoveTaskInput{TaskHandle: &handle})
		require.True(f, is[*types.UnsupportedOperation](err))
		_, err = f.startMove(in)
		require.NoError(f, err)
		time.Sleep(2 * time.Second)
		tasks := f.moves("dlq")
		require.Len(f, tasks, 2)
		require.Equal(f, "COMPLETED", *tasks[0].Status, "the newest comes first")
		require.EqualValues(f, 2, *tasks[0].MaxNumberOfMessagesPerSecond)
	})
}

func TestMoveTaskOfAMessageWithoutASourceFails(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dead := f.queue("dlq")
	f.queue("jobs", "RedrivePolicy", redriveTo("dlq", "1"))
	f.send(dead, "sent here directly")
	_, err := f.startMove(&sqs.StartMessageMoveTaskInput{SourceArn: aws.String(arnOf + "dlq")})
	require.NoError(t, err)
	require.Equal(t, "FAILED", *f.moves("dlq")[0].Status)
	require.Equal(t, "CouldNotDetermineMessageSource", *f.moves("dlq")[0].FailureReason)
	require.Len(t, f.Queue("dlq").Messages, 1)
}

func TestMoveTaskFailsWhenItsSourceIsDeleted(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		_, dead := f.graveyard(2)
		handle, err := f.startMove(&sqs.StartMessageMoveTaskInput{SourceArn: aws.String(arnOf + "dlq"), MaxNumberOfMessagesPerSecond: aws.Int32(1)})
		require.NoError(f, err)
		_, err = f.client.DeleteQueue(f.Context(), &sqs.DeleteQueueInput{QueueUrl: &dead})
		require.NoError(f, err)
		time.Sleep(time.Minute)
		_, err = f.client.CancelMessageMoveTask(f.Context(), &sqs.CancelMessageMoveTaskInput{TaskHandle: &handle})
		require.True(f, is[*types.UnsupportedOperation](err), "it is active no longer")
		require.Len(f, f.Ledger().Audit().Lost, 2)
	})
}

func TestMoveTaskEndsWhenAConsumerWasFaster(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		_, dead := f.graveyard(2)
		_, err := f.startMove(&sqs.StartMessageMoveTaskInput{SourceArn: aws.String(arnOf + "dlq"), MaxNumberOfMessagesPerSecond: aws.Int32(1)})
		require.NoError(f, err)
		require.Len(f, f.receive(dead), 2)
		time.Sleep(2 * time.Second)
		require.Equal(f, "COMPLETED", *f.moves("dlq")[0].Status)
		require.Zero(f, f.moves("dlq")[0].ApproximateNumberOfMessagesMoved)
	})
}

func TestMoveTaskRules(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.queue("dlq")
	f.queue("jobs", "RedrivePolicy", redriveTo("dlq", "1"))
	f.fifo("jobs.fifo")
	arn := func(name string) *string { return aws.String(arnOf + name) }
	const missing, invalid = "ResourceNotFoundException", "InvalidParameterValue"
	cases := map[string]struct {
		in   sqs.StartMessageMoveTaskInput
		want string
	}{
		"no such source":          {sqs.StartMessageMoveTaskInput{SourceArn: arn("none")}, missing},
		"no ARN":                  {sqs.StartMessageMoveTaskInput{SourceArn: aws.String("dlq")}, missing},
		"not a dead-letter queue": {sqs.StartMessageMoveTaskInput{SourceArn: arn("jobs")}, invalid},
		"no such destination":     {sqs.StartMessageMoveTaskInput{SourceArn: arn("dlq"), DestinationArn: arn("none")}, missing},
		"to itself":               {sqs.StartMessageMoveTaskInput{SourceArn: arn("dlq"), DestinationArn: arn("dlq")}, invalid},
		"to another type":         {sqs.StartMessageMoveTaskInput{SourceArn: arn("dlq"), DestinationArn: arn("jobs.fifo")}, invalid},
		"a rate of 0":             {sqs.StartMessageMoveTaskInput{SourceArn: arn("dlq"), MaxNumberOfMessagesPerSecond: aws.Int32(0)}, invalid},
		"a rate of 501":           {sqs.StartMessageMoveTaskInput{SourceArn: arn("dlq"), MaxNumberOfMessagesPerSecond: aws.Int32(501)}, invalid},
		"good":                    {sqs.StartMessageMoveTaskInput{SourceArn: arn("dlq"), MaxNumberOfMessagesPerSecond: aws.Int32(500)}, ""},
	}
	for name, c := range cases {
		_, err := f.startMove(&c.in)
		require.Equal(t, c.want, code(t, err), name)
	}
	_, err := f.client.ListMessageMoveTasks(t.Context(), &sqs.ListMessageMoveTasksInput{SourceArn: arn("none")})
	require.Equal(t, missing, code(t, err))
	_, err = f.client.ListMessageMoveTasks(t.Context(), &sqs.ListMessageMoveTasksInput{SourceArn: arn("dlq"), MaxResults: aws.Int32(11)})
	require.Equal(t, invalid, code(t, err))
	_, err = f.client.CancelMessageMoveTask(t.Context(), &sqs.CancelMessageMoveTaskInput{TaskHandle: aws.String("none")})
	require.Equal(t, missing, code(t, err))
}

func TestLedgerKeepsTheKeyOfARedrivenMessage(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url, _ := f.graveyard(1)
		_, err := f.startMove(&sqs.StartMessageMoveTaskInput{SourceArn: aws.String(arnOf + "dlq")})
		require.NoError(f, err)
		f.delete(url, f.receiveOne(url).ReceiptHandle)
		audit := f.Ledger().Audit()
		require.Equal(f, 1, audit.Accepted, "a redriven copy is not a new message")
		require.Empty(f, audit.Lost)
		require.Len(f, f.Ledger().Keys(sqstest.Accepted), 1)
	})
}
