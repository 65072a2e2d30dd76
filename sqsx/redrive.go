package sqsx

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/internal/guard"
	"github.com/taskhawk/taskhawk-go/internal/nilcheck"
	"github.com/taskhawk/taskhawk-go/internal/sqsqueue"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Redrive moves dead letters back to the queue that they came from: letters of each
// priority to the queue of that priority. (The Python library moves all of them to the
// default queue.) It ends when it has seen every dead letter that was there when it
// began; letters sent since then, by a task that failed again, wait for the next redrive.
//
// Without a filter, a limit or a dry run, SQS moves the messages by itself
// (StartMessageMoveTask) and Redrive waits. With one of these, or where SQS does not do
// it (no permission, another service behind the endpoint, a task that fails), Redrive
// receives, sends and deletes them, ten at a time. The report says which it was, and why.
//
// No message is lost, at whatever point Redrive is cut off: it is deleted only when its
// own queue has stored it. What is cut off between the two, by a kill or an answer of SQS
// that gets lost, is on both queues. When ctx ends, Redrive finishes the batch under way,
// so that this makes no copies, cancels its own move task, and returns within a
// minute. After a kill the move task goes on, and the next Redrive waits for it and
// counts what it moves.
//
// Letters that are looked at and not moved stay invisible to others until Redrive ends,
// so that it looks at each once, and are then given back. After a kill they come back by
// themselves, after two minutes or as long as Redrive had run. So do letters of a receive
// whose answer got lost; Redrive waits for them. On a FIFO queue, a letter that is not
// moved also holds up those behind it in its group, which this redrive then does not see.
//
// A letter that cannot be moved does not hold up the others, nor does a queue: the error
// joins what went wrong, and the report is right also then. Where none of the queues
// exists, the error says that the application's name is probably misspelt. Whether a
// letter was sent since Redrive began is told by the clock of SQS, also where the clock of this
// machine is wrong: see ClockAhead of the report. Several redrives may run at once.
func Redrive(ctx context.Context, api RedriveAPI, app string, config RedriveConfig) (RedriveReport, error) {
	report, err := redriveAll(ctx, api, app, config, nil)
	if err != nil {
		return report, fmt.Errorf("sqsx: redrive: %w", err)
	}
	return report, nil
}

// redriveAll redrives the queues of an application. With a keeper it drops the letters that
// are kept.
func redriveAll(
	ctx context.Context, api RedriveAPI, app string, config RedriveConfig, keep *keeper,
) (RedriveReport, error) {
	report := RedriveReport{Moved: map[string]int{}}
	names, err := config.check(app)
	if err != nil {
		return report, err
	}
	r, err := newRedriver(api, config)
	if err != nil {
		return report, err
	}
	r.keep = keep
	if config.DryRun {
		return r.dryRun(ctx, app, names)
	}
	var failed failures
	found := map[string]bool{}
	for _, name := range names {
		done := QueueRedrive{Queue: name}
		err := r.redrive(ctx, &done)
		report = report.with(done)
		report.ClockAhead = r.clock.ahead
		r.before = report.Count()
		if err != nil && ctx.Err() != nil {
			failed.add(caused(ctx, err))
			break
		}
		if sqsqueue.IsMissing(err) && len(found) == 0 {
			found, err = r.service.explain(ctx, app, config.Naming, err, nil)
		}
		failed.add(err)
		if err != nil && len(found) > 0 && !anyTrue(found) {
			break // each of the others would say the same
		}
	}
	return report, failed.err()
}

// caused makes sure that an error after the end of ctx wraps the cause of that.
func caused(ctx context.Context, err error) error {
	if cause := guard.Error(context.Cause(ctx)); !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// redriver is what the redrives of the queues of one call have in common.
type redriver struct {
	api     RedriveAPI
	service *service
	config  RedriveConfig
	filter  letterFilter
	keep    *keeper // for letters to drop; nil for a redrive
	clock   serverClock
	began   time.Time    // by the clock of this machine
	tried   int          // letters counted towards the limit
	before  RedriveCount // of the queues that are done
}

func newRedriver(api RedriveAPI, config RedriveConfig) (*redriver, error) {
	if nilcheck.IsNil(api) {
		return nil, errors.New("nil API")
	}
	return &redriver{
		api: api, service: newService(api, config.Account), config: config, began: time.Now(),
		filter: letterFilter{tasks: config.Tasks, reason: config.Reason, since: config.Since, ids: config.IDs},
	}, nil
}

// redrive moves the dead letters of one queue, by a move task if that may be and can be.
func (r *redriver) redrive(ctx context.Context, done *QueueRedrive) error {
	if !r.config.selects() && !r.filter.filters() {
		task := moveTask{
			api: r.api, urls: r.service.urls, queue: done.Queue, rate: r.config.Rate,
			progress: func(moved int) { r.progress(RedriveCount{Moved: moved}) },
		}
		err := task.run(ctx)
		done.By, done.Count.Moved = ByMoveTask, task.moved
		unfit, ok := errors.AsType[*unfitTaskError](err)
		if !ok {
			return err
		}
		done.Fallback = unfit.error
	}
	done.By = ByCopy
	p, err := r.newPass(done)
	if err != nil {
		return err
	}
	return p.run(ctx)
}

// progress tells the caller how far the redrive is. A function that panics is not called
// again.
func (r *redriver) progress(current RedriveCount) {
	if r.config.Progress != nil && guard.Call(func() { r.config.Progress(r.before.plus(current)) }) != nil {
		r.config.Progress = nil
	}
}

// room is how many letters the limit still allows to try, at most most.
func (r *redriver) room(most int) int {
	if r.config.Limit == 0 {
		return most
	}
	return min(most, r.config.Limit-r.tried)
}

// receiveLimit is how many messages to receive: as many as may be moved at once, and ten
// where many may turn out not to be wanted.
func (r *redriver) receiveLimit() int {
	n := awsbatch.MaxEntries
	if r.config.Rate > 0 && !r.config.DryRun {
		n = min(n, r.config.Rate)
	}
	if r.filter.filters() {
		return n
	}
	return r.room(n)
}

// RedriveConfig says what [Redrive] moves. The zero value moves everything.
type RedriveConfig struct {
	// Account is the number of the account that owns the queues and their dead-letter
	// queues, 12 digits. SQS starts move tasks for that account's own roles only, so that
	// others copy: their policies must allow to receive, send, delete and change the
	// visibility of messages. Default: the caller's own account.
	Account string
	// Priorities are the queues whose dead letters are moved. Default: all four.
	Priorities []taskhawk.Priority
	// Tasks are the names of the tasks whose letters are moved, matched exactly. Default:
	// all, also letters that cannot be read. The name in the body counts; the attribute
	// taskhawk_task only where the body cannot be read.
	Tasks []string
	// Reason chooses by why a task failed for good: the attribute taskhawk_reason, which
	// is the text of the error given to taskhawk.Permanent, on one line and up to 256
	// bytes. It is "" for letters that SQS moved by its redrive policy. It fits methods
	// such as regexp.MustCompile("timeout|refused").MatchString. Default: nil, all.
	Reason func(reason string) bool
	// Since leaves out letters that SQS stored before that time, by the clock of SQS: see
	// DeadLetter.Sent. Default: the zero time, all.
	Since time.Time
	// IDs are the ids of the letters to move: ids of the task's run, or of the SQS
	// message. Default: all.
	IDs []string
	// Limit is how many messages are tried at most, over all queues. Default 0: no limit.
	Limit int
	// Rate is how many messages are moved per second at most, 1 to 500, so that workers
	// can keep up. The queues take turns, so it holds for all together. Default 0: as
	// fast as it goes.
	Rate int
	// DryRun moves nothing and counts what would be moved. It looks at all queues side by
	// side. The letters are received, so they are invisible to others for as long as it
	// runs, and their receive counts go up, also for up to ten letters a queue that Limit
	// leaves out.
	DryRun bool
	// Copy makes Redrive receive, send and delete the messages also where SQS could move
	// them by itself. That takes three requests for ten messages, counts by task, and
	// takes the attributes taskhawk_reason and taskhawk_attempt off, which a move task
	// leaves. Attributes of the message, its group and its trace header are kept.
	Copy bool
	// Progress is called with the counts so far, after each batch and each look at a move
	// task, one call at a time. Default: nil.
	Progress func(RedriveCount)
	// Naming returns the names of the queues. Default: [QueueName].
	Naming Naming
}

// maxRate is the highest rate of a move task, in messages per second. Source:
// StartMessageMoveTask.
const maxRate = 500

// check returns the names of the queues to redrive, the most urgent first.
func (c *RedriveConfig) check(app string) ([]string, error) {
	switch {
	case c.Limit < 0:
		return nil, fmt.Errorf("negative Limit %d", c.Limit)
	case c.Rate < 0 || c.Rate > maxRate:
		return nil, fmt.Errorf("rate %d: SQS moves up to %d messages per second", c.Rate, maxRate)
	}
	if err := awsbatch.CheckAccount(c.Account); err != nil {
		return nil, err
	}
	names, err := c.Naming.names(app, c.Priorities)
	return sqsqueue.InOrder(names), err
}

// selects reports whether the messages have to be received one by one, also without a
// filter.
func (c *RedriveConfig) selects() bool { return c.Limit > 0 || c.DryRun || c.Copy }

// keptFailures is how many errors are kept: thousands of messages may fail for one
// reason.
const keptFailures = 5

// failures collects what went wrong: the first errors, and how many there were.
type failures struct {
	first []error
	count int
}

func (f *failures) add(err error) {
	if err == nil {
		return
	}
	f.count++
	if len(f.first) < keptFailures {
		f.first = append(f.first, err)
	}
}

// err is nil when nothing went wrong.
func (f *failures) err() error {
	if f.count == 0 {
		return nil
	}
	return &failuresError{*f}
}

// failuresError joins the first failures in one line.
type failuresError struct{ failures failures }

// Error gives each text once.
func (e *failuresError) Error() string {
	var texts []string
	seen := map[string]bool{}
	for _, err := range e.failures.first {
		if text := err.Error(); !seen[text] {
			seen[text] = true
			texts = append(texts, text)
		}
	}
	text := strings.Join(texts, "; ")
	if e.failures.count > len(texts) {
		text += fmt.Sprintf(" (%d failures)", e.failures.count)
	}
	return text
}

// Unwrap returns the first failures.
func (e *failuresError) Unwrap() []error { return e.failures.first }

// RedriveReport says what [Redrive] did. Fields may be added.
type RedriveReport struct {
	// Moved counts the messages moved, by the name of the queue they are on now. Queues
	// without any are left out.
	Moved map[string]int
	// Queues says it in full for each queue, the most urgent priority first.
	Queues []QueueRedrive
	// ClockAhead is by how much the clock of SQS was ahead of this machine's, less
	// than 0 if it was behind. It is 0 if they agreed to the second, and where no letter
	// was received.
	ClockAhead time.Duration
}

// RedriveWay is how messages were moved.
type RedriveWay string

// The ways of [Redrive].
const (
	// ByMoveTask is StartMessageMoveTask: SQS moves them by itself.
	ByMoveTask RedriveWay = "move task"
	// ByCopy is to receive, send and delete them.
	ByCopy RedriveWay = "copy"
)

// QueueRedrive says what [Redrive] did with the dead letters of one queue.
type QueueRedrive struct {
	// Queue is the name of the queue that the messages went back to.
	Queue string
	// By is how they were moved.
	By RedriveWay
	// Fallback is why they were copied though SQS could have moved them; nil where that
	// was not tried, or done. It is not an error of the redrive.
	Fallback error
	// Count counts the messages. Those that SQS moved are as many as it says, which is
	// approximate.
	Count RedriveCount
	// Tasks counts those that were looked at by the name of their task, "" for messages
	// that cannot be read. SQS does not say what it moves, so it is nil after a move
	// task.
	Tasks map[string]RedriveCount
}

// RedriveCount counts dead letters. Each is in one of Moved, WouldMove, Skipped, Later and
// Failed.
type RedriveCount struct {
	// Moved are back on their queue.
	Moved int
	// WouldMove are those that a dry run would have moved.
	WouldMove int
	// Skipped are those that the filters do not take.
	Skipped int
	// Later are those sent since the redrive began. They wait for the next one.
	Later int
	// Failed are still dead letters because they could not be moved. Where the answer of
	// SQS got lost, they may be on both queues.
	Failed int
	// Doubled is how many of Moved could not be deleted: they are on both queues, and the
	// next redrive would move them again.
	Doubled int
}

// Total is how many messages were moved.
func (r RedriveReport) Total() int { return r.Count().Moved }

// Count sums up all queues.
func (r RedriveReport) Count() RedriveCount {
	var sum RedriveCount
	for _, q := range r.Queues {
		sum = sum.plus(q.Count)
	}
	return sum
}

// String writes a line for each queue, and one for each task below it.
func (r RedriveReport) String() string {
	var text strings.Builder
	for _, q := range r.Queues {
		fmt.Fprintf(&text, "%s: %s (%s)\n", q.Queue, q.Count, q.By)
		for _, task := range slices.Sorted(maps.Keys(q.Tasks)) {
			fmt.Fprintf(&text, "  %s: %s\n", sqsqueue.OneLine(task), q.Tasks[task])
		}
	}
	if r.ClockAhead != 0 {
		fmt.Fprintf(&text, "the clock of SQS is %s ahead of this machine's, and is the one that counts\n",
			r.ClockAhead)
	}
	return text.String()
}

// String names the counts that are not zero.
func (c RedriveCount) String() string {
	return countText([]namedCount{
		{c.Moved, "moved"},
		{c.WouldMove, "would move"},
		{c.Skipped, "skipped"},
		{c.Later, "sent since it began"},
		{c.Failed, "failed"},
		{c.Doubled, "doubled"},
	})
}

func (r RedriveReport) with(q QueueRedrive) RedriveReport {
	r.Queues = append(r.Queues, q)
	if q.Count.Moved > 0 {
		r.Moved[q.Queue] = q.Count.Moved
	}
	return r
}

// count adds to the counts of the queue and of the letter's task.
func (q *QueueRedrive) count(l *letter, c RedriveCount) {
	if q.Tasks == nil {
		q.Tasks = map[string]RedriveCount{}
	}
	q.Count = q.Count.plus(c)
	q.Tasks[l.task] = q.Tasks[l.task].plus(c)
}

func (c RedriveCount) plus(d RedriveCount) RedriveCount {
	return RedriveCount{
		Moved:     c.Moved + d.Moved,
		WouldMove: c.WouldMove + d.WouldMove,
		Skipped:   c.Skipped + d.Skipped,
		Later:     c.Later + d.Later,
		Failed:    c.Failed + d.Failed,
		Doubled:   c.Doubled + d.Doubled,
	}
}

// RedriveAPI is what [Redrive] needs of SQS on top of [API]: GetQueueAttributes,
// StartMessageMoveTask, ListMessageMoveTasks and CancelMessageMoveTask, as the client has
// them. *sqs.Client satisfies it.
type RedriveAPI interface {
	API
	GetQueueAttributes(
		context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options),
	) (*sqs.GetQueueAttributesOutput, error)
	StartMessageMoveTask(
		context.Context, *sqs.StartMessageMoveTaskInput, ...func(*sqs.Options),
	) (*sqs.StartMessageMoveTaskOutput, error)
	ListMessageMoveTasks(
		context.Context, *sqs.ListMessageMoveTasksInput, ...func(*sqs.Options),
	) (*sqs.ListMessageMoveTasksOutput, error)
	CancelMessageMoveTask(
		context.Context, *sqs.CancelMessageMoveTaskInput, ...func(*sqs.Options),
	) (*sqs.CancelMessageMoveTaskOutput, error)
}

var _ RedriveAPI = (*sqs.Client)(nil)
