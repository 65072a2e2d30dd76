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
// began. Letters sent since then, by a task that failed again, wait for the next
// redrive.
//
// Without a filter, a limit or a dry run, SQS moves the messages (StartMessageMoveTask)
// and Redrive waits. With one of these, or if SQS does not move them (no permission,
// another service behind the endpoint, a failed task), Redrive receives, sends and
// deletes them, ten at a time. The report has the way and the reason.
//
// No message is lost, at whatever point Redrive is cut off: it deletes a letter only
// after the queue has stored it. If a kill or a lost answer of SQS comes between the
// two, the letter is on both queues. When ctx ends, Redrive finishes the batch in
// flight, so that it leaves no copies, cancels its move task, and returns within a
// minute. After a kill the move task goes on. The next Redrive waits for it and counts
// the moved messages.
//
// Letters that Redrive receives and does not move stay invisible to others until it
// ends, so that it sees each of them once. Then they are given back. After a kill they
// become visible after two minutes, or after as long as Redrive had run if that is
// longer. So do letters of a receive whose answer got lost; Redrive waits for them. On a
// FIFO queue, a letter that is not moved also blocks the later letters of its group,
// which this redrive then does not see.
//
// A letter or a queue that fails does not stop the others. The error joins all failures,
// and the report is correct even then. If no queue exists, the error says that the
// application's name is probably misspelt. The clock of SQS decides whether a letter was
// sent since Redrive began, even if the clock of this machine is wrong: see ClockAhead
// of the report. Several redrives may run at once.
func Redrive(ctx context.Context, api RedriveAPI, app string, config RedriveConfig) (RedriveReport, error) {
	report, err := redriveAll(ctx, api, app, config, nil)
	if err != nil {
		return report, fmt.Errorf("sqsx: redrive: %w", err)
	}
	return report, nil
}

// redriveAll redrives the queues of an application. With a keeper it drops letters
// instead.
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
			break // the other queues would fail with the same error
		}
	}
	return report, failed.err()
}

// caused adds the cause of ctx to err, unless err wraps it.
func caused(ctx context.Context, err error) error {
	if cause := guard.Error(context.Cause(ctx)); !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// redriver redrives the queues of one call.
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

// redrive moves the dead letters of one queue, by a move task if config and SQS allow
// it.
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

// progress calls Progress with the counts so far. A function that panics is not called
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

// receiveLimit returns how many letters to receive: no more than may be moved, but a
// full poll if the filter may exclude some.
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

// RedriveConfig selects the letters that [Redrive] moves. The zero value moves all.
type RedriveConfig struct {
	// Account is the number of the account that owns the queues and their dead-letter
	// queues, 12 digits. SQS starts move tasks only for roles of that account. For other
	// roles Redrive copies: the queues' policies must allow them to receive, send,
	// delete and change the visibility of messages. Default: the caller's own account.
	Account string
	// Priorities are the queues whose dead letters are moved. Default: all four.
	Priorities []taskhawk.Priority
	// Tasks are the names of the tasks whose letters are moved, matched exactly: see
	// DeadLetter.Task. Default: all, even letters that cannot be read.
	Tasks []string
	// Reason reports whether to move letters with that DeadLetter.Reason. Methods such
	// as regexp.MustCompile("timeout|refused").MatchString fit. Default: nil, all.
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
	// can keep up. It holds for all queues together, since they take turns. Default 0:
	// no limit.
	Rate int
	// DryRun moves nothing and counts the letters that would be moved. It looks at all
	// queues side by side. So the letters are invisible to others while it runs, and
	// their receive counts rise, also of up to ten letters a queue that Limit leaves
	// out.
	DryRun bool
	// Copy makes Redrive receive, send and delete the letters even if SQS could move
	// them. Copies take three requests for ten letters and are counted by task. They
	// lose the attributes taskhawk_reason and taskhawk_attempt, which a move task
	// leaves, and keep all other attributes, the group and the trace header.
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

// selects reports whether Redrive must receive the letters even without a filter.
func (c *RedriveConfig) selects() bool { return c.Limit > 0 || c.DryRun || c.Copy }

// keptFailures is how many errors are kept: thousands of messages may fail for one
// reason.
const keptFailures = 5

// failures has the first errors, and the count of all.
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

// err returns nil if there were no failures.
func (f *failures) err() error {
	if f.count == 0 {
		return nil
	}
	return &failuresError{*f}
}

// failuresError joins the first failures in one line.
type failuresError struct{ failures failures }

// Error returns each text once.
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

// RedriveReport is the result of [Redrive]. Fields may be added.
type RedriveReport struct {
	// Moved counts the messages moved, by the name of the queue they are on now. Queues
	// without any are left out.
	Moved map[string]int
	// Queues has the result for each queue, the most urgent priority first.
	Queues []QueueRedrive
	// ClockAhead is by how much the clock of SQS was ahead of this machine's, less than
	// 0 if it was behind. It is 0 if they agreed to the second, or if no letter was
	// received.
	ClockAhead time.Duration
}

// RedriveWay is how messages were moved.
type RedriveWay string

// The ways of [Redrive].
const (
	// ByMoveTask means that SQS moved the messages, by StartMessageMoveTask.
	ByMoveTask RedriveWay = "move task"
	// ByCopy means that Redrive received, sent and deleted the messages.
	ByCopy RedriveWay = "copy"
)

// QueueRedrive is the result of [Redrive] for one queue.
type QueueRedrive struct {
	// Queue is the name of the queue that the messages went back to.
	Queue string
	// By is how they were moved.
	By RedriveWay
	// Fallback is why SQS did not move the messages, so that they were copied. It is nil
	// if no move task was tried, or if it moved all. It is not an error of the redrive.
	Fallback error
	// Count counts the messages. After a move task it is the approximate count of SQS.
	Count RedriveCount
	// Tasks has the counts by the name of the task, "" for messages that cannot be read.
	// It is nil after a move task, since SQS does not say which messages it moves.
	Tasks map[string]RedriveCount
}

// RedriveCount counts dead letters. Each is counted in one of Moved, WouldMove, Skipped,
// Later and Failed.
type RedriveCount struct {
	// Moved counts letters that are back on their queue.
	Moved int
	// WouldMove counts letters that would be moved without DryRun.
	WouldMove int
	// Skipped counts letters that the filters exclude.
	Skipped int
	// Later counts letters sent since the redrive began. They wait for the next one.
	Later int
	// Failed counts letters that could not be moved. They are still dead letters. If the
	// answer of SQS was lost, they may be on both queues.
	Failed int
	// Doubled counts the letters of Moved that could not be deleted. They are on both
	// queues, and the next redrive would move them again.
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

// String returns a line for each queue, and one for each task below it.
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

// String returns the counts that are not zero.
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

// RedriveAPI has the calls that [Redrive] makes in addition to [API]:
// GetQueueAttributes, StartMessageMoveTask, ListMessageMoveTasks and
// CancelMessageMoveTask. *sqs.Client satisfies it.
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
