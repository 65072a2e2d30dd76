package sqsx

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/internal/sqsqueue"
)

// The waits between two looks at a move task, and how many in a row may fail.
const (
	firstTaskWait = 250 * time.Millisecond
	lastTaskWait  = 10 * time.Second
	taskLooks     = 5
)

// The statuses of a move task. Source: ListMessageMoveTasks.
const (
	taskRunning    = "RUNNING"
	taskCancelling = "CANCELLING"
	taskCompleted  = "COMPLETED"
	taskCancelled  = "CANCELLED"
)

// unfitTaskError is the error if SQS does not move all messages, so that they can be
// copied.
type unfitTaskError struct{ error }

// moveTask has SQS move the dead letters of a queue.
type moveTask struct {
	api    RedriveAPI
	urls   *queueURLs
	queue  string
	rate   int
	source string // the ARN of the dead-letter queue
	target string // ARN of the queue
	handle string // of the task that this redrive started; "" for another
	moved  int
	// progress is called with the number of messages moved so far.
	progress func(moved int)
}

// run returns when SQS has moved the letters. The error is an [*unfitTaskError] if
// copying them may succeed.
//
// It waits for a task that is already running: SQS runs one task for a queue at a time,
// and a redrive that was killed may have started it.
func (t *moveTask) run(ctx context.Context) error {
	if err := t.findARNs(ctx); err != nil {
		return t.unfit(ctx, err)
	}
	err := t.start(ctx)
	if err != nil && t.isRunning(ctx) {
		if err := t.wait(ctx); err != nil {
			return err
		}
		err = t.start(ctx)
	}
	if err != nil {
		return t.unfit(ctx, err)
	}
	return t.wait(ctx)
}

// unfit wraps err in an unfitTaskError, unless ctx has ended.
func (t *moveTask) unfit(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return &unfitTaskError{err}
}

// findARNs asks for one ARN and derives the other, since the queues of an application
// are in one account and region.
func (t *moveTask) findARNs(ctx context.Context) error {
	letters := DeadLetterQueueName(t.queue)
	url, err := t.urls.get(ctx, letters)
	if err != nil {
		return err
	}
	found, err := getAttributes(ctx, t.api, letters, url, types.QueueAttributeNameQueueArn)
	if err != nil {
		return err
	}
	t.source = found[sqsqueue.ARN]
	account, ok := strings.CutSuffix(t.source, ":"+letters)
	if !ok {
		return &QueueError{Queue: letters, Err: errors.New("its ARN does not end with its name")}
	}
	t.target = account + ":" + t.queue
	return nil
}

// start names the destination, since SQS knows no source for letters that a worker sent.
func (t *moveTask) start(ctx context.Context) error {
	input := &sqs.StartMessageMoveTaskInput{SourceArn: &t.source, DestinationArn: &t.target}
	if t.rate > 0 {
		input.MaxNumberOfMessagesPerSecond = aws.Int32(int32(t.rate))
	}
	ctx, cancel := context.WithTimeout(ctx, awsbatch.CallTimeout)
	defer cancel()
	out, err := awsbatch.Invoke(ctx, t.api.StartMessageMoveTask, input)
	if err != nil {
		return &QueueError{Queue: DeadLetterQueueName(t.queue), Err: err}
	}
	t.handle = aws.ToString(out.TaskHandle)
	return nil
}

// latest returns the task of the queue that was started last.
func (t *moveTask) latest(ctx context.Context) (*types.ListMessageMoveTasksResultEntry, error) {
	ctx, cancel := context.WithTimeout(ctx, awsbatch.CallTimeout)
	defer cancel()
	out, err := awsbatch.Invoke(ctx, t.api.ListMessageMoveTasks, &sqs.ListMessageMoveTasksInput{SourceArn: &t.source})
	if err != nil {
		return nil, err
	}
	if len(out.Results) == 0 {
		return nil, errors.New("SQS lists no move task")
	}
	return &out.Results[0], nil
}

func (t *moveTask) isRunning(ctx context.Context) bool {
	task, err := t.latest(ctx)
	return err == nil && running(task)
}

func running(task *types.ListMessageMoveTasksResultEntry) bool {
	status := aws.ToString(task.Status)
	return status == taskRunning || status == taskCancelling
}

// wait looks at the latest task, since one runs at a time, until it has ended.
func (t *moveTask) wait(ctx context.Context) error {
	failed := 0
	for interval := firstTaskWait; ; interval = min(2*interval, lastTaskWait) {
		if err := waitFor(ctx, interval); err != nil {
			return t.cancel(ctx, err)
		}
		task, err := t.latest(ctx)
		if err != nil {
			failed++
			if failed == taskLooks {
				return fmt.Errorf(
					"SQS moves the messages of %s; progress unknown: %w",
					DeadLetterQueueName(t.queue),
					err,
				)
			}
			continue
		}
		failed = 0
		if !running(task) {
			return t.ended(task)
		}
		if aws.ToString(task.DestinationArn) == t.target {
			t.progress(t.moved + int(task.ApproximateNumberOfMessagesMoved))
		}
	}
}

// ended counts the messages of a task that has ended, and fails unless it has completed.
func (t *moveTask) ended(task *types.ListMessageMoveTasksResultEntry) error {
	t.tally(task)
	switch status := aws.ToString(task.Status); status {
	case taskCompleted:
		return nil
	case taskCancelled:
		return fmt.Errorf("the move task of %s was cancelled", DeadLetterQueueName(t.queue))
	default:
		return &unfitTaskError{fmt.Errorf("the move task of %s has status %s: %s",
			DeadLetterQueueName(t.queue), status, aws.ToString(task.FailureReason))}
	}
}

// tally counts the messages that the task moved, unless they went to another queue.
func (t *moveTask) tally(task *types.ListMessageMoveTasksResultEntry) {
	if aws.ToString(task.DestinationArn) == t.target {
		t.moved += int(task.ApproximateNumberOfMessagesMoved)
	}
}

// cancel cancels the task if this redrive started it.
func (t *moveTask) cancel(ctx context.Context, cause error) error {
	if t.handle == "" {
		return cause
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), awsbatch.CallTimeout)
	defer cancel()
	out, err := t.api.CancelMessageMoveTask(ctx, &sqs.CancelMessageMoveTaskInput{TaskHandle: &t.handle})
	if err == nil {
		t.moved += int(out.ApproximateNumberOfMessagesMoved)
		return cause
	}
	if task, lookErr := t.latest(ctx); lookErr == nil && !running(task) {
		t.tally(task) // it has just ended by itself
		return cause
	}
	return fmt.Errorf("%w; the move task of %s goes on: %w", cause, DeadLetterQueueName(t.queue), err)
}
