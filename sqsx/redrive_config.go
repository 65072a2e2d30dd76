package sqsx

import (
	"fmt"
	"slices"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// RedriveConfig says what [Redrive] moves. The zero value moves everything.
type RedriveConfig struct {
	// Priorities are the queues whose dead letters are moved. Default: all four.
	Priorities []taskhawk.Priority
	// Tasks are the names of the tasks whose letters are moved, matched exactly. Default: all, also letters that cannot be read. The name in
	// the body counts; the attribute taskhawk_task only where the body cannot be read.
	Tasks []string
	// Reason chooses by why a task failed for good: the attribute taskhawk_reason, which is the text of the error given to
	// taskhawk.Permanent, on one line and up to 256 bytes. It is "" for letters that SQS moved by its redrive policy. It fits methods such as
	// regexp.MustCompile("timeout|refused").MatchString. Default: nil, all.
	Reason func(reason string) bool
	// Limit is how many messages are tried at most, over all queues. Default 0: no limit.
	Limit int
	// Rate is how many messages are moved per second at most, 1 to 500, so that workers can keep up. The queues take turns, so it holds
	// for all together. Default 0: as fast as it goes.
	Rate int
	// DryRun moves nothing and counts what would be moved. The letters are received, so they are invisible to others for as long as it runs, and
	// their receive counts go up.
	DryRun bool
	// Copy makes Redrive receive, send and delete the messages also where SQS could move them by itself. That takes three requests for ten
	// messages, counts by task, and takes the attributes taskhawk_reason and taskhawk_attempt off, which a move task leaves. Attributes of
	// the message and its group are kept; the trace header of X-Ray, a system attribute, is not.
	Copy bool
	// Naming returns the names of the queues. Default: [QueueName].
	Naming Naming
}

// maxRate is the highest rate of a move task, in messages per second. Source: StartMessageMoveTask.
const maxRate = 500

// check returns the names of the queues to redrive, the most urgent first.
func (c *RedriveConfig) check(queueName string) ([]string, error) {
	switch {
	case c.Limit < 0:
		return nil, fmt.Errorf("negative Limit %d", c.Limit)
	case c.Rate < 0 || c.Rate > maxRate:
		return nil, fmt.Errorf("rate %d: SQS moves up to %d messages per second", c.Rate, maxRate)
	}
	names, err := c.Naming.names(queueName, c.Priorities)
	return inOrder(names), err
}

// selects reports whether the messages have to be looked at one by one: SQS moves all or none.
func (c *RedriveConfig) selects() bool {
	return c.filters() || c.Limit > 0 || c.DryRun || c.Copy
}

func (c *RedriveConfig) filters() bool { return len(c.Tasks) > 0 || c.Reason != nil }

// takes reports whether the filters let the letter through.
func (c *RedriveConfig) takes(l *letter) bool {
	return (len(c.Tasks) == 0 || slices.Contains(c.Tasks, l.task)) && (c.Reason == nil || c.Reason(l.reason()))
}
