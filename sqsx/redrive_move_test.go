package sqsx_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// onlyDefault is a redrive that SQS can do by itself, of one queue.
func onlyDefault() sqsx.RedriveConfig {
	return sqsx.RedriveConfig{Priorities: []taskhawk.Priority{taskhawk.Default}}
}

// buryMany puts n letters of tests.a on the default dead-letter queue.
func (g *graveyard) buryMany(n int) {
	g.Helper()
	for range n {
		g.buryTasks("tests.a")
	}
}

func (g *graveyard) startTask(rate int) {
	g.Helper()
	_, err := g.client.StartMessageMoveTask(g.Context(), &sqs.StartMessageMoveTaskInput{
		SourceArn:                    aws.String(g.server.Queue(deadLettersOf(taskhawk.Default)).ARN),
		DestinationArn:               aws.String(g.server.Queue(queueOf(taskhawk.Default)).ARN),
		MaxNumberOfMessagesPerSecond: aws.Int32(int32(rate)),
	})
	require.NoError(g, err)
}

func (g *graveyard) tasks() []types.ListMessageMoveTasksResultEntry {
	g.Helper()
	out, err := g.client.ListMessageMoveTasks(g.Context(), &sqs.ListMessageMoveTasksInput{
		SourceArn: aws.String(g.server.Queue(deadLettersOf(taskhawk.Default)).ARN), MaxResults: aws.Int32(10),
	})
	require.NoError(g, err)
	return out.Results
}

func TestRedriveOfEverythingIsDoneBySQS(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryMany(30)
		g.bury(deadLettersOf(taskhawk.Bulk), "not even JSON", withAttribute("taskhawk_reason", "down"))
		report := g.redrive(sqsx.RedriveConfig{})
		require.Equal(g, map[string]int{queueOf(taskhawk.Default): 30, queueOf(taskhawk.Bulk): 1}, report.Moved)
		for _, q := range report.Queues {
			require.Equal(g, sqsx.ByMoveTask, q.By)
			require.NoError(g, q.Fallback)
			require.Nil(g, q.Tasks)
		}
		g.requireBack(30)
		g.requireDead(0)
		require.Contains(g, g.server.Queue(queueOf(taskhawk.Bulk)).Messages[0].Attributes, "taskhawk_reason", "SQS moves a message as it is")
		require.Zero(g, g.server.Requests(sqstest.OpReceiveMessage))
		require.Zero(g, g.server.Requests(sqstest.OpSendMessageBatch))
	})
}

func TestRedriveHasSQSKeepTheRate(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryMany(1000)
		began := time.Now()
		config := onlyDefault()
		config.Rate = 10
		require.Equal(g, 1000, g.redrive(config).Total())
		require.GreaterOrEqual(g, time.Since(began), 100*time.Second)
		require.Less(g, time.Since(began), 110*time.Second)
		require.EqualValues(g, 10, *g.tasks()[0].MaxNumberOfMessagesPerSecond)
		require.Less(g, g.server.Requests(sqstest.OpListMessageMoveTasks), 20, "it looks less and less often")
	})
}

func TestRedriveCopiesWhereSQSDoesNot(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]sqstest.Fault{
		"AccessDenied":         {On: sqstest.OpStartMessageMoveTask, Do: sqstest.Error("AccessDenied", "not authorized")},
		"UnsupportedOperation": {On: sqstest.OpStartMessageMoveTask, Do: sqstest.Error("AWS.SimpleQueueService.UnsupportedOperation", "no")},
		"status code: 404":     {On: sqstest.OpStartMessageMoveTask, Do: sqstest.Status(404, "what?")},
		"InternalError":        {On: sqstest.OpGetQueueAttributes, Do: sqstest.Error("InternalError", "oops")},
	} {
		inGraveyard(t, func(g *graveyard) {
			g.buryMany(12)
			g.server.Inject(fault)
			report := g.redrive(onlyDefault())
			require.Equal(g, sqsx.ByCopy, onDefault(report).By)
			require.ErrorContains(g, onDefault(report).Fallback, "queue TASKHAWK-DEV-MYAPP-DLQ: ")
			if !strings.HasPrefix(name, "status") {
				require.ErrorContains(g, onDefault(report).Fallback, name)
			}
			require.Equal(g, map[string]sqsx.RedriveCount{"tests.a": {Moved: 12}}, onDefault(report).Tasks)
			g.requireBack(12)
			g.requireDead(0)
		})
	}
}

// A queue without a redrive policy has no dead-letter queue that SQS knows of.
func TestRedriveCopiesWhereTheQueueHasNoRedrivePolicy(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		_, err := g.client.SetQueueAttributes(g.Context(), &sqs.SetQueueAttributesInput{
			QueueUrl: aws.String(g.url(queueOf(taskhawk.Default))), Attributes: map[string]string{"RedrivePolicy": ""},
		})
		require.NoError(g, err)
		g.buryMany(1)
		report := g.redrive(onlyDefault())
		require.ErrorContains(g, onDefault(report).Fallback, "must be configured as a Dead Letter Queue")
		g.requireBack(1)
	})
}

// pretending starts move tasks that do nothing, and lists one in their place.
func (g *graveyard) pretending(entry map[string]any) *sqs.Client {
	return g.clientThrough(func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		var answer any
		switch _, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "."); operation {
		case sqstest.OpStartMessageMoveTask:
			answer = map[string]any{"TaskHandle": "a"}
		case sqstest.OpListMessageMoveTasks:
			answer = map[string]any{"Results": []any{entry}}
		default:
			return next.RoundTrip(r)
		}
		text, err := json.Marshal(answer)
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(text)), Request: r}, err
	})
}

func TestRedriveCopiesWhatAFailedTaskLeaves(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryMany(5)
		client := g.pretending(map[string]any{
			"Status": "FAILED", "FailureReason": "KMS.AccessDenied", "ApproximateNumberOfMessagesMoved": 2,
			"DestinationArn": g.server.Queue(queueOf(taskhawk.Default)).ARN,
		})
		report, err := sqsx.Redrive(g.Context(), client, app, onlyDefault())
		require.NoError(g, err)
		require.ErrorContains(g, onDefault(report).Fallback, "status FAILED: KMS.AccessDenied")
		require.Equal(g, sqsx.ByCopy, onDefault(report).By)
		require.Equal(g, 2+5, onDefault(report).Count.Moved, "as many as SQS says that it has moved, and the rest")
		g.requireBack(5)
	})
}

func TestRedriveDoesNotCopyWhatSomebodyStopped(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryMany(5)
		go func() {
			time.Sleep(2500 * time.Millisecond)
			_, _ = g.client.CancelMessageMoveTask(g.Context(), &sqs.CancelMessageMoveTaskInput{TaskHandle: g.tasks()[0].TaskHandle})
		}()
		config := onlyDefault()
		config.Rate = 1
		report, err := sqsx.Redrive(g.Context(), g.client, app, config)
		require.ErrorContains(g, err, "the move task of TASKHAWK-DEV-MYAPP-DLQ was cancelled")
		require.Equal(g, 2, report.Total())
		g.requireDead(3)
		g.requireBack(2)
	})
}

// The process that began the task was killed; SQS went on.
func TestRedriveWaitsForATaskThatRuns(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryMany(5)
		g.startTask(1)
		g.buryMany(3) // the running task does not know of these
		require.Equal(g, 8, g.redrive(onlyDefault()).Total())
		require.Len(g, g.tasks(), 2)
		g.requireBack(8)
		require.Zero(g, g.server.Requests(sqstest.OpReceiveMessage))
	})
}

func TestRedriveCancelsItsTaskWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryMany(100)
		ctx, cancel := context.WithTimeout(g.Context(), 10500*time.Millisecond)
		defer cancel()
		config := onlyDefault()
		config.Rate = 5
		report, err := sqsx.Redrive(ctx, g.client, app, config)
		require.ErrorIs(g, err, context.DeadlineExceeded)
		require.Equal(g, 52, report.Total())
		require.Equal(g, "CANCELLED", *g.tasks()[0].Status)
		time.Sleep(time.Minute)
		g.requireBack(52)
		g.requireDead(48)
	})
}

func TestRedriveLeavesTheTaskOfAnotherAlone(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryMany(100)
		g.startTask(1)
		ctx, cancel := context.WithTimeout(g.Context(), 10*time.Second)
		defer cancel()
		_, err := sqsx.Redrive(ctx, g.client, app, onlyDefault())
		require.ErrorIs(g, err, context.DeadlineExceeded)
		require.Equal(g, "RUNNING", *g.tasks()[0].Status)
	})
}

func TestRedriveSaysWhenItsTaskGoesOn(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryMany(100)
		g.server.Inject(sqstest.Fault{On: sqstest.OpCancelMessageMoveTask, Do: sqstest.Error("AccessDenied", "not authorized")})
		ctx, cancel := context.WithTimeout(g.Context(), 10*time.Second)
		defer cancel()
		config := onlyDefault()
		config.Rate = 1
		_, err := sqsx.Redrive(ctx, g.client, app, config)
		require.ErrorIs(g, err, context.DeadlineExceeded)
		require.ErrorContains(g, err, "the move task of TASKHAWK-DEV-MYAPP-DLQ goes on: ")
		require.ErrorContains(g, err, "AccessDenied")
		require.Equal(g, "RUNNING", *g.tasks()[0].Status)
	})
}

// The task may move everything, but its progress is unknown: copies beside it would be
// counted wrongly.
func TestRedriveThatCannotSeeItsTask(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryMany(3)
		g.server.Inject(sqstest.Fault{On: sqstest.OpListMessageMoveTasks, Do: sqstest.Error("AccessDenied", "not authorized")})
		report, err := sqsx.Redrive(g.Context(), g.client, app, onlyDefault())
		require.ErrorContains(g, err, "SQS moves the messages of TASKHAWK-DEV-MYAPP-DLQ; progress unknown")
		require.ErrorContains(g, err, "AccessDenied")
		require.Zero(g, report.Total())
		g.requireBack(3)
	})
}
