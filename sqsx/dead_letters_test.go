package sqsx_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
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

// look returns all letters, and requires that there is no error.
func (g *graveyard) look(config sqsx.DeadLettersConfig) []sqsx.DeadLetter {
	g.Helper()
	var found []sqsx.DeadLetter
	for letter, err := range sqsx.DeadLetters(g.Context(), g.client, app, config) {
		require.NoError(g, err)
		found = append(found, letter)
	}
	return found
}

// lookErr returns the only error of a look without letters.
func (g *graveyard) lookErr(client sqsx.RedriveAPI, app string, config sqsx.DeadLettersConfig) error {
	g.Helper()
	var failed []error
	for _, err := range sqsx.DeadLetters(g.Context(), client, app, config) {
		failed = append(failed, err)
	}
	require.Len(g, failed, 1)
	require.Error(g, failed[0])
	return failed[0]
}

func TestDeadLettersOfAWorker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, func(context.Context, int) error { return taskhawk.Permanent(errTest) })
		dispatched := time.Now()
		id, err := r.number.Dispatch(t.Context(), numberArgs{N: 7}, taskhawk.WithPriority(taskhawk.Low), taskhawk.WithGroup("tenant-7"))
		require.NoError(t, err)
		time.Sleep(time.Minute)
		r.start(sqsx.WorkerConfig{})
		time.Sleep(time.Second)
		r.stop()
		buried := dispatched.Add(time.Minute)
		for looks := 1; looks < 4; looks++ {
			var found []sqsx.DeadLetter
			for letter, err := range sqsx.DeadLetters(t.Context(), r.client, app, sqsx.DeadLettersConfig{}) {
				require.NoError(t, err)
				found = append(found, letter)
			}
			require.Len(t, found, 1)
			letter := found[0]
			require.Equal(t, *name(taskhawk.Low), letter.Queue)
			require.NotEmpty(t, letter.MessageID)
			require.NotZero(t, letter.Size)
			letter.MessageID, letter.Size = "", 0
			letter.Dispatched, letter.Sent = letter.Dispatched.UTC(), letter.Sent.UTC()
			require.Equal(t, sqsx.DeadLetter{
				Queue: *name(taskhawk.Low), ID: id, Task: "tests.number", Reason: "test error", Attempt: 1, Receives: looks,
				Dispatched: dispatched.UTC(), Sent: buried.UTC(), Group: "tenant-7",
			}, letter, "each look counts as a receive")
		}
		require.Zero(t, r.server.Queue(letters(taskhawk.Low)).InFlight, "they are given back")
	})
}

func TestDeadLettersByTaskReasonAndPriority(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryTasks("tests.a", "tests.b")
		g.bury(deadLettersOf(taskhawk.High), g.body("tests.b"), withAttribute("taskhawk_reason", "down"))
		g.bury(deadLettersOf(taskhawk.High), "no message", withAttribute("taskhawk_task", "tests.c"))
		tasks := func(config sqsx.DeadLettersConfig) (found []string) {
			for _, letter := range g.look(config) {
				found = append(found, letter.Task)
			}
			return found
		}
		down := func(reason string) bool { return reason == "down" }
		require.ElementsMatch(g, []string{"tests.b", "tests.c", "tests.a", "tests.b"}, tasks(sqsx.DeadLettersConfig{}))
		require.Equal(g, []string{"tests.b", "tests.b"}, tasks(sqsx.DeadLettersConfig{Tasks: []string{"tests.b"}}))
		require.Equal(g, []string{"tests.b"}, tasks(sqsx.DeadLettersConfig{Reason: down}))
		require.Equal(g, []string{"tests.a", "tests.b"}, tasks(sqsx.DeadLettersConfig{Priorities: []taskhawk.Priority{taskhawk.Default}}))
		require.Len(g, tasks(sqsx.DeadLettersConfig{Limit: 3}), 3)
		require.Empty(g, tasks(sqsx.DeadLettersConfig{Tasks: []string{"tests.z"}}))
		g.requireDead(2)
	})
}

func TestDeadLettersWithBodies(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		body := g.body("tests.a")
		g.bury(deadLettersOf(taskhawk.Default), body, withAttribute("tenant", "t1"), withAttribute("taskhawk_reason", strings.Repeat("ä", 300)))
		plain, full := g.look(sqsx.DeadLettersConfig{})[0], g.look(sqsx.DeadLettersConfig{Bodies: true})[0]
		require.Empty(g, plain.Body)
		require.Nil(g, plain.Attributes)
		require.Equal(g, body, full.Body)
		require.Equal(g, "t1", *full.Attributes["tenant"].StringValue)
		require.Equal(g, strings.Repeat("ä", 128), full.Reason)
		require.Equal(g, plain.Size, full.Size)
		require.Greater(g, full.Size, len(body)+600)
	})
}

// A loop that breaks, or whose context ends, gives back what it has received.
func TestDeadLettersAreGivenBack(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryMany(35)
		seen := 0
		for _, err := range sqsx.DeadLetters(g.Context(), g.client, app, sqsx.DeadLettersConfig{}) {
			require.NoError(g, err)
			if seen++; seen == 25 {
				require.Equal(g, 30, g.server.Queue(deadLettersOf(taskhawk.Default)).InFlight)
				break
			}
		}
		g.requireDead(35)

		ctx, cancel := context.WithCancelCause(g.Context())
		defer cancel(nil)
		var last error
		seen = 0
		for _, err := range sqsx.DeadLetters(ctx, g.client, app, sqsx.DeadLettersConfig{}) {
			if seen++; seen == 15 {
				cancel(errTest)
			}
			last = err
		}
		require.ErrorIs(g, last, errTest)
		g.requireDead(35)
	})
}

// Letters stay invisible while the caller takes its time, and each is yielded once.
func TestDeadLettersStayHiddenWhileTheLoopRuns(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryMany(40)
		seen := map[string]int{}
		for letter, err := range sqsx.DeadLetters(g.Context(), g.client, app, sqsx.DeadLettersConfig{}) {
			require.NoError(g, err)
			seen[letter.MessageID]++
			time.Sleep(7 * time.Second)
		}
		require.Len(g, seen, 40)
		for _, letter := range g.server.Queue(deadLettersOf(taskhawk.Default)).Messages {
			require.Equal(g, 1, letter.Receives)
			require.Equal(g, 1, seen[letter.ID])
		}
		g.requireDead(40)

		pause := func() {
			clear(seen)
			for letter, err := range sqsx.DeadLetters(g.Context(), g.client, app, sqsx.DeadLettersConfig{}) {
				require.NoError(g, err)
				if len(seen) == 10 {
					time.Sleep(time.Hour)
				}
				seen[letter.MessageID]++
			}
			require.Len(g, seen, 40)
		}
		pause()
		for _, letter := range g.server.Queue(deadLettersOf(taskhawk.Default)).Messages {
			require.Equal(g, 2, letter.Receives, "the leases were extended")
		}
		g.requireDead(40)

		refused := g.server.Inject(sqstest.Fault{
			On: sqstest.OpChangeMessageVisibilityBatch, Do: sqstest.ErrorStatus(403, "AccessDenied", "no"),
		})
		pause() // the leases end, and the letters come back
		refused.Remove()
		time.Sleep(2 * time.Minute)
		require.Len(g, seen, 40)
		for _, n := range seen {
			require.Equal(g, 1, n)
		}
		g.requireDead(40)
	})
}

// Four queues take the time of one, for the polls that find a queue empty and for the
// polls that return letters.
func TestDeadLettersOfAllQueuesAtOnce(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		const look = time.Second // the wait of a poll that finds nothing
		elapsed := func(use func()) time.Duration {
			began := time.Now()
			use()
			return time.Since(began)
		}
		require.Equal(g, look, elapsed(func() { require.Empty(g, g.look(sqsx.DeadLettersConfig{})) }))
		require.Equal(g, look, elapsed(func() { require.Zero(g, g.redrive(sqsx.RedriveConfig{DryRun: true}).Count()) }))
		require.Equal(g, look, elapsed(func() {
			report, err := sqsx.Drop(g.Context(), g.client, app, sqsx.DropConfig{DryRun: true, WithoutCopy: true})
			require.NoError(g, err)
			require.Zero(g, report.Count())
			require.Len(g, report.Queues, 4)
			require.Equal(g, deadLettersOf(taskhawk.High), report.Queues[0].Queue)
		}))

		for _, priority := range taskhawk.Priorities() {
			for range 25 {
				g.bury(deadLettersOf(priority), g.body("tests.a"))
			}
		}
		g.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Do: sqstest.Delay(100 * time.Millisecond)})
		var first time.Duration
		require.Equal(g, look+400*time.Millisecond, elapsed(func() {
			found := map[string]int{}
			began := time.Now()
			for letter, err := range sqsx.DeadLetters(g.Context(), g.client, app, sqsx.DeadLettersConfig{}) {
				require.NoError(g, err)
				if len(found) == 0 {
					first = time.Since(began)
				}
				found[letter.Queue]++
			}
			for _, priority := range taskhawk.Priorities() {
				require.Equal(g, 25, found[queueOf(priority)])
			}
		}))
		require.Equal(g, 100*time.Millisecond, first)
		require.Equal(g, look+400*time.Millisecond, elapsed(func() {
			report := g.redrive(sqsx.RedriveConfig{DryRun: true})
			require.Equal(g, sqsx.RedriveCount{WouldMove: 100}, report.Count())
			require.Equal(g, 25, onDefault(report).Count.WouldMove)
		}))
		require.Equal(g, 30, g.redrive(sqsx.RedriveConfig{DryRun: true, Limit: 30}).Count().WouldMove)
		require.Len(g, g.look(sqsx.DeadLettersConfig{Limit: 30}), 30)
		for _, priority := range taskhawk.Priorities() {
			queue := g.server.Queue(deadLettersOf(priority))
			require.Equal(g, 25, queue.Visible, "all are given back")
		}
	})
}

// The caller's loop may end in any way: first all queues get their letters back.
func TestDeadLettersOfALoopThatPanics(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		for _, priority := range taskhawk.Priorities() {
			g.bury(deadLettersOf(priority), g.body("tests.a"))
		}
		require.PanicsWithValue(g, errTest, func() {
			for range sqsx.DeadLetters(g.Context(), g.client, app, sqsx.DeadLettersConfig{}) {
				synctest.Wait()
				require.Equal(g, 1, g.server.Queue(deadLettersOf(taskhawk.Bulk)).InFlight)
				panic(errTest)
			}
		})
		for _, priority := range taskhawk.Priorities() {
			require.Equal(g, 1, g.server.Queue(deadLettersOf(priority)).Visible)
		}
	})
}

// The error of one queue does not end the look at the others.
func TestDeadLettersWhenOneQueueFails(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryMany(15)
		g.bury(deadLettersOf(taskhawk.Low), g.body("tests.a"))
		g.server.Inject(sqstest.Fault{
			On: sqstest.OpReceiveMessage, Do: sqstest.ErrorStatus(403, "AccessDenied", "no"),
			If: func(r sqstest.Request) bool { return r.Queue == deadLettersOf(taskhawk.Low) },
		})
		// The error comes first.
		g.server.Inject(sqstest.Fault{
			On: sqstest.OpReceiveMessage, Queue: deadLettersOf(taskhawk.Default), Do: sqstest.Delay(time.Minute / 10),
		})
		letters, failed := 0, 0
		for _, err := range sqsx.DeadLetters(g.Context(), g.client, app, sqsx.DeadLettersConfig{}) {
			if err == nil {
				letters++
				continue
			}
			failed++
			queueErr, ok := errors.AsType[*sqsx.QueueError](err)
			require.True(g, ok)
			require.Equal(g, deadLettersOf(taskhawk.Low), queueErr.Queue)
		}
		require.Equal(g, 15, letters)
		require.Equal(g, 1, failed)
		report, err := sqsx.Redrive(g.Context(), g.client, app, sqsx.RedriveConfig{DryRun: true})
		require.ErrorContains(g, err, "AccessDenied")
		require.Equal(g, 15, report.Count().WouldMove)
	})
}

// A look must never move a letter on.
func TestDeadLettersThatALookCouldMoveOn(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryMany(1)
		dead := deadLettersOf(taskhawk.Default)
		chain := fmt.Sprintf(`{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:%s","maxReceiveCount":1}`, deadLettersOf(taskhawk.Bulk))
		_, err := g.client.SetQueueAttributes(g.Context(), &sqs.SetQueueAttributesInput{
			QueueUrl: aws.String(g.url(dead)), Attributes: map[string]string{"RedrivePolicy": chain},
		})
		require.NoError(g, err)
		config := sqsx.DeadLettersConfig{Priorities: []taskhawk.Priority{taskhawk.Default}}
		require.ErrorContains(g, g.lookErr(g.client, app, config), "has a redrive policy itself")
		dry := onlyDefault()
		dry.DryRun = true
		_, err = sqsx.Redrive(g.Context(), g.client, app, dry)
		require.ErrorContains(g, err, "has a redrive policy itself")

		g.server.Inject(sqstest.Fault{On: sqstest.OpGetQueueAttributes, Do: sqstest.ErrorStatus(403, "AccessDenied", "no")})
		require.ErrorContains(g, g.lookErr(g.client, app, config), "AccessDenied")
		require.Zero(g, g.server.Queue(dead).Messages[0].Receives)
	})
}

func TestDeadLettersOfABadApplication(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		err := g.lookErr(g.client, "dev-myap", sqsx.DeadLettersConfig{})
		require.ErrorContains(g, err, "-DLQ does not exist")
		require.ErrorContains(g, err, `none of the queues of "dev-myap" is found`)
		require.LessOrEqual(g, g.server.TotalRequests(), 8)

		_, deleteErr := g.client.DeleteQueue(g.Context(), deleteQueue(g.url(deadLettersOf(taskhawk.High))))
		require.NoError(g, deleteErr)
		require.ErrorContains(g, g.lookErr(g.client, app, sqsx.DeadLettersConfig{}), deadLettersOf(taskhawk.High))
		require.ErrorContains(g, g.lookErr(g.client, app, sqsx.DeadLettersConfig{}), `other queues of "dev-myapp" exist: `+queueOf(taskhawk.High))

		for want, config := range map[string]sqsx.DeadLettersConfig{
			"negative Limit -1": {Limit: -1},
			"12 digits":         {Account: "1"},
			"unknown priority":  {Priorities: []taskhawk.Priority{9}},
		} {
			require.ErrorContains(g, g.lookErr(g.client, app, config), want)
		}
		require.ErrorContains(g, g.lookErr(nil, app, sqsx.DeadLettersConfig{}), "nil API")
	})
}

func TestDeadLettersOfAnotherAccount(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryMany(1)
		require.Len(g, g.look(sqsx.DeadLettersConfig{Account: "000000000000"}), 1)
		err := g.lookErr(g.client, app, sqsx.DeadLettersConfig{Account: "111122223333"})
		require.ErrorContains(g, err, "does not exist in account 111122223333")
	})
}

func TestDeadLettersThatArriveDamaged(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryMany(1)
		g.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Do: sqstest.CorruptMD5(0)})
		found := g.look(sqsx.DeadLettersConfig{})
		require.Len(g, found, 1)
		require.True(g, found[0].Damaged)
		require.Empty(g, found[0].Task)
		g.requireDead(1)
	})
}

func TestDeadLettersWithAReasonThatPanics(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryMany(1)
		reason := func(string) bool { panic("secret") }
		config := sqsx.DeadLettersConfig{Priorities: []taskhawk.Priority{taskhawk.Default}, Reason: reason}
		require.ErrorContains(g, g.lookErr(g.client, app, config), "the Reason function")
		redrive := onlyDefault()
		redrive.Reason = reason
		report, err := sqsx.Redrive(g.Context(), g.client, app, redrive)
		require.ErrorContains(g, err, "the Reason function")
		require.Equal(g, sqsx.RedriveCount{Failed: 1}, report.Count())
		g.requireDead(1)
	})
}

// endlessAPI is an SQS with more dead letters than it can have in flight.
type endlessAPI struct {
	sqsx.RedriveAPI

	received int
	body     string
}

func (*endlessAPI) GetQueueUrl(context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error) {
	return &sqs.GetQueueUrlOutput{QueueUrl: aws.String("https://sqs.test/queue")}, nil
}

func (*endlessAPI) GetQueueAttributes(
	context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options),
) (*sqs.GetQueueAttributesOutput, error) {
	return &sqs.GetQueueAttributesOutput{}, nil
}

func (e *endlessAPI) ReceiveMessage(
	_ context.Context, in *sqs.ReceiveMessageInput, _ ...func(*sqs.Options),
) (*sqs.ReceiveMessageOutput, error) {
	out := &sqs.ReceiveMessageOutput{}
	for range in.MaxNumberOfMessages {
		e.received++
		out.Messages = append(out.Messages, types.Message{
			MessageId:     aws.String(fmt.Sprintf("%036d", e.received)),
			ReceiptHandle: aws.String(fmt.Sprintf("%0400d", e.received)),
			Body:          aws.String(strings.Clone(e.body)),
		})
	}
	return out, nil
}

func (e *endlessAPI) ChangeMessageVisibilityBatch(
	_ context.Context, in *sqs.ChangeMessageVisibilityBatchInput, _ ...func(*sqs.Options),
) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	out := &sqs.ChangeMessageVisibilityBatchOutput{}
	for _, entry := range in.Entries {
		out.Successful = append(out.Successful, types.ChangeMessageVisibilityBatchResultEntry{Id: entry.Id})
	}
	return out, nil
}

// TestDeadLettersOfAFullQueue keeps a list of all yielded letters, and measures the
// memory of the list and of their leases.
func TestDeadLettersOfAFullQueue(t *testing.T) { //nolint:paralleltest // it measures memory
	body := func(size int) string {
		return `{"id": "6d1b0d3c-6d4e-4d43-8f1b-8dd5e1e4a1c9", "task": "tests.a", "args": ["` + strings.Repeat("x", size) + `"], "kwargs": {},
			"headers": {}, "metadata": {"priority": "default", "timestamp": 1, "version": "1.0"}}`
	}
	api := &endlessAPI{body: body(2 << 10)}
	config := sqsx.DeadLettersConfig{Priorities: []taskhawk.Priority{taskhawk.Default}}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var found []sqsx.DeadLetter
	var failed error
	for letter, err := range sqsx.DeadLetters(t.Context(), api, app, config) {
		if err != nil {
			failed = err
			break
		}
		if found = append(found, letter); len(found) == 20_000 {
			runtime.GC()
			runtime.ReadMemStats(&after)
			api.body = body(1) // the rest is for the limit: a quicker test
		}
	}
	require.ErrorContains(t, failed, "100000 letters are in flight")
	require.Len(t, found, 100_000)
	require.Equal(t, "tests.a", found[99_999].Task)
	require.Less(t, int(after.HeapAlloc-before.HeapAlloc)/20_000, 1<<10, "bytes a letter")
}
