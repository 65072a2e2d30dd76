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

// DropConfig selects the dead letters that [Drop] deletes, and keeps their copies. Keep
// or WithoutCopy must be set. All other fields may be zero: then everything is dropped.
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
	// Keep stores copies of up to ten letters, with their bodies, before they are
	// deleted. When it returns, the copies must survive a crash. If it fails or panics,
	// these letters are not deleted, and Drop stops. Its ctx does not end with the ctx of
	// Drop.
	Keep func(ctx context.Context, letters []DeadLetter) error
	// WithoutCopy deletes letters for good. They cannot be restored.
	WithoutCopy bool
	// DryRun deletes nothing, keeps no copies and counts the letters that would be
	// dropped. It has the same side effects as a dry run of [Redrive].
	DryRun bool
	// Progress is called with the counts so far after each batch, one call at a time.
	// Default: nil.
	Progress func(DropCount)
	// Naming returns the names of the queues. Default: [QueueName].
	Naming Naming
}

// Drop gives copies of dead letters to Keep and deletes them. It ends when it has seen
// every dead letter that was there when it began. Later ones stay.
//
// If Drop is cut off at any point, each letter is on its dead-letter queue, or Keep has
// it, or both. Otherwise it works like [Redrive]. Letters that are received and not
// dropped are given back. When ctx ends, it finishes the batch in progress. The error
// joins all failures, and the report is correct even then.
func Drop(ctx context.Context, api RedriveAPI, app string, config DropConfig) (DropReport, error) {
	if (config.Keep == nil) != config.WithoutCopy {
		return DropReport{}, errors.New("sqsx: drop: need either Keep or WithoutCopy")
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

// keeper calls Keep, and stops after a failure.
type keeper struct {
	keep func(context.Context, []DeadLetter) error // nil for none
	stop context.CancelCauseFunc
}

// store gives copies of a batch to Keep, and returns an error for each letter. After a
// failure it stores no further batch.
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
		err = fmt.Errorf("letters of %s neither kept nor dropped: %w",
			DeadLetterQueueName(queue), guard.Error(err))
		k.stop(err)
	}
	return awsbatch.Fill(len(batch), err)
}

// DropReport is the result of [Drop]. Fields may be added.
type DropReport struct {
	// Queues has the counts of each dead-letter queue, the most urgent priority first.
	Queues []QueueDrop
	// ClockAhead is as in [RedriveReport].
	ClockAhead time.Duration
}

// QueueDrop is the result of [Drop] for one dead-letter queue.
type QueueDrop struct {
	// Queue is the name of the dead-letter queue.
	Queue string
	// Count has the counts of all letters.
	Count DropCount
	// Tasks has the counts by the name of the task, "" for letters that cannot be read.
	Tasks map[string]DropCount
}

// DropCount counts dead letters. Each letter is counted in one field.
type DropCount struct {
	// Dropped counts deleted letters.
	Dropped int
	// WouldDrop counts letters that would be deleted without DryRun.
	WouldDrop int
	// Skipped counts letters that the filters exclude.
	Skipped int
	// Later counts letters sent since the drop began. They stay.
	Later int
	// Failed counts letters that could not be kept or deleted. They are still dead
	// letters. If only the delete failed, they have a copy too.
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

// Count returns the sum over all queues.
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

// String returns the counts that are not zero.
func (c DropCount) String() string {
	return countText([]namedCount{
		{c.Dropped, "dropped"},
		{c.WouldDrop, "would be dropped"},
		{c.Skipped, "skipped"},
		{c.Later, "sent since it began"},
		{c.Failed, "failed"},
	})
}

// String returns a line for each queue.
func (r DropReport) String() string {
	var text strings.Builder
	for _, q := range r.Queues {
		fmt.Fprintf(&text, "%s: %s\n", q.Queue, q.Count)
	}
	return text.String()
}

// namedCount is a count with its name.
type namedCount struct {
	n    int
	what string
}

// countText returns the counts that are not zero.
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
