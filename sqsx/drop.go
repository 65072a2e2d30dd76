package sqsx

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/internal/guard"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// DropConfig says which dead letters [Drop] deletes, and where their copies go. Keep or
// WithoutCopy must be set; otherwise the zero value drops everything.
type DropConfig struct {
	// Account, Priorities, Tasks, Reason, Since, IDs, Limit and Rate choose letters as they
	// do in [RedriveConfig].
	Account    string
	Priorities []taskhawk.Priority
	Tasks      []string
	Reason     func(reason string) bool
	Since      time.Time
	IDs        []string
	Limit      int
	Rate       int
	// Keep stores copies of up to ten letters, with their bodies, before they are deleted.
	// When it returns, the copies must be where a crash does not take them. When it fails,
	// or panics, these letters are not deleted, and Drop stops. ctx does not end with that
	// of Drop.
	Keep func(ctx context.Context, letters []DeadLetter) error
	// WithoutCopy deletes letters for good: nothing brings them back.
	WithoutCopy bool
	// DryRun deletes nothing, keeps no copies and counts what would be dropped, with the
	// consequences of a dry run of [Redrive].
	DryRun bool
	// Progress is called with the counts so far after each batch, one call at a time.
	// Default: nil.
	Progress func(DropCount)
	// Naming returns the names of the queues. Default: [QueueName].
	Naming Naming
}

// Drop deletes dead letters, after it has given copies of them to Keep. It ends when it
// has seen every dead letter that was there when it began; later ones stay.
//
// At whatever point it is cut off, a letter is on its dead-letter queue, or Keep has it, or
// both. Otherwise it works as [Redrive] does: letters that are looked at and not dropped
// are given back, a batch under way is finished when ctx ends, the error joins what went
// wrong and the report is right also then.
func Drop(ctx context.Context, api RedriveAPI, app string, config DropConfig) (DropReport, error) {
	if (config.Keep == nil) != config.WithoutCopy {
		return DropReport{}, errors.New("sqsx: drop: one of Keep and WithoutCopy")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	redrive := RedriveConfig{
		Account: config.Account, Priorities: config.Priorities, Tasks: config.Tasks, Reason: config.Reason,
		Since: config.Since, IDs: config.IDs, Limit: config.Limit, Rate: config.Rate, DryRun: config.DryRun,
		Naming: config.Naming, Copy: true,
	}
	if config.Progress != nil {
		redrive.Progress = func(c RedriveCount) { config.Progress(c.drop()) }
	}
	moved, err := redriveAll(ctx, api, app, redrive, &keeper{keep: config.Keep, stop: cancel})
	report := DropReport{ClockAhead: moved.ClockAhead}
	for _, q := range moved.Queues {
		dropped := QueueDrop{
			Queue: DeadLetterQueueName(q.Queue), Count: q.Count.drop(), Tasks: map[string]DropCount{},
		}
		for task, count := range q.Tasks {
			dropped.Tasks[task] = count.drop()
		}
		report.Queues = append(report.Queues, dropped)
	}
	if err != nil {
		return report, fmt.Errorf("sqsx: drop: %w", err)
	}
	return report, nil
}

// keeper gives copies of letters to the caller.
type keeper struct {
	keep func(context.Context, []DeadLetter) error // nil for none
	stop context.CancelCauseFunc
}

// store gives copies of a batch to the caller, and returns an error for each letter. After
// a failure no other batch follows.
func (k *keeper) store(ctx context.Context, queue string, batch []*letter) []error {
	if k.keep == nil {
		return make([]error, len(batch))
	}
	letters := make([]DeadLetter, len(batch))
	for i, l := range batch {
		letters[i] = l.deadLetter(queue, true)
	}
	var err error
	if failure := guard.Call(func() { err = k.keep(ctx, letters) }); failure != nil {
		err = failure
	}
	if err != nil {
		err = fmt.Errorf("letters of %s are not kept, and so not dropped: %w",
			DeadLetterQueueName(queue), guard.Error(err))
		k.stop(err)
	}
	return awsbatch.Fill(len(batch), err)
}

// DropReport says what [Drop] did. Fields may be added.
type DropReport struct {
	// Queues says it for each dead-letter queue, the most urgent priority first.
	Queues []QueueDrop
	// ClockAhead is as in [RedriveReport].
	ClockAhead time.Duration
}

// QueueDrop says what [Drop] did on one dead-letter queue.
type QueueDrop struct {
	// Queue is the name of the dead-letter queue.
	Queue string
	// Count counts the letters.
	Count DropCount
	// Tasks counts them by the name of their task, "" for those that cannot be read.
	Tasks map[string]DropCount
}

// DropCount counts dead letters. Each is in one of its fields.
type DropCount struct {
	// Dropped are deleted.
	Dropped int
	// WouldDrop are those that a dry run would have dropped.
	WouldDrop int
	// Skipped are those that the filters do not take.
	Skipped int
	// Later are those sent since the drop began. They stay.
	Later int
	// Failed are still dead letters: they could not be kept, or not be deleted. The latter
	// may have a copy too.
	Failed int
}

func (c RedriveCount) drop() DropCount {
	return DropCount{
		Dropped:   c.Moved - c.Doubled,
		WouldDrop: c.WouldMove,
		Skipped:   c.Skipped,
		Later:     c.Later,
		Failed:    c.Failed + c.Doubled,
	}
}

// Count sums up all queues.
func (r DropReport) Count() DropCount {
	var sum DropCount
	for _, q := range r.Queues {
		c := q.Count
		sum.Dropped += c.Dropped
		sum.WouldDrop += c.WouldDrop
		sum.Skipped += c.Skipped
		sum.Later += c.Later
		sum.Failed += c.Failed
	}
	return sum
}

// String names the counts that are not zero.
func (c DropCount) String() string {
	return countText([]namedCount{
		{c.Dropped, "dropped"},
		{c.WouldDrop, "would be dropped"},
		{c.Skipped, "skipped"},
		{c.Later, "sent since it began"},
		{c.Failed, "failed"},
	})
}

// String writes a line for each queue.
func (r DropReport) String() string {
	var text strings.Builder
	for _, q := range r.Queues {
		fmt.Fprintf(&text, "%s: %s\n", q.Queue, q.Count)
	}
	return text.String()
}

// namedCount is a count and what it counts.
type namedCount struct {
	n    int
	what string
}

// countText names the counts that are not zero.
func countText(counts []namedCount) string {
	counts = slices.DeleteFunc(counts, func(c namedCount) bool { return c.n == 0 })
	if len(counts) == 0 {
		return "none"
	}
	parts := make([]string, len(counts))
	for i, c := range counts {
		parts[i] = fmt.Sprintf("%d %s", c.n, c.what)
	}
	return strings.Join(parts, ", ")
}
