package sqsx

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// RedriveReport says what [Redrive] did. Fields may be added.
type RedriveReport struct {
	// Moved counts the messages moved, by the name of the queue they are on now. Queues without any are left out.
	Moved map[string]int
	// Queues says it in full for each queue, the most urgent priority first.
	Queues []QueueRedrive
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
	// Fallback is why they were copied though SQS could have moved them; nil where that was not tried, or done. It is not an error of
	// the redrive.
	Fallback error
	// Count counts the messages. Those that SQS moved are as many as it says, which is approximate.
	Count RedriveCount
	// Tasks counts those that were looked at by the name of their task, "" for messages that cannot be read. SQS does not say what it moves, so
	// it is nil after a move task.
	Tasks map[string]RedriveCount
}

// RedriveCount counts dead letters. Each is in one of Moved, WouldMove, Skipped and Failed.
type RedriveCount struct {
	// Moved are back on their queue.
	Moved int
	// WouldMove are those that a dry run would have moved.
	WouldMove int
	// Skipped are those that the filters do not take, and those sent since the redrive began.
	Skipped int
	// Failed are still dead letters because they could not be moved. Where the answer of SQS got lost, they may be on both queues.
	Failed int
	// Doubled is how many of Moved could not be deleted: they are on both queues, and the next redrive would move them again.
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
			fmt.Fprintf(&text, "  %s: %s\n", oneLine(task), q.Tasks[task])
		}
	}
	return text.String()
}

// String names the counts that are not zero.
func (c RedriveCount) String() string {
	var parts []string
	for _, part := range []struct {
		n    int
		what string
	}{{c.Moved, "moved"}, {c.WouldMove, "would move"}, {c.Skipped, "skipped"}, {c.Failed, "failed"}, {c.Doubled, "doubled"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
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
		Moved: c.Moved + d.Moved, WouldMove: c.WouldMove + d.WouldMove, Skipped: c.Skipped + d.Skipped,
		Failed: c.Failed + d.Failed, Doubled: c.Doubled + d.Doubled,
	}
}

// oneLine quotes a text that comes from elsewhere where it is not plain: it must not break out of its line.
func oneLine(text string) string {
	if quoted := strconv.Quote(text); text == "" || quoted != `"`+text+`"` {
		return quoted
	}
	return text
}
