package sqsx

import (
	"strings"

	"github.com/taskhawk/taskhawk-go/internal/sqsqueue"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Naming returns the name of the queue of an application for a priority. [QueueName] is
// the default. It may return one name for several priorities. A worker receives from that
// queue once, with the most urgent of them, also for Pause and Resume.
type Naming func(app string, priority taskhawk.Priority) string

// QueueName returns the name that all Taskhawk libraries use: for "dev-myapp" it is
// TASKHAWK-DEV-MYAPP, with the suffix -HIGH-PRIORITY, -LOW-PRIORITY or -BULK for those
// priorities.
func QueueName(app string, priority taskhawk.Priority) string {
	name := "TASKHAWK-" + strings.ToUpper(app)
	switch priority {
	case taskhawk.High:
		return name + "-HIGH-PRIORITY"
	case taskhawk.Low:
		return name + "-LOW-PRIORITY"
	case taskhawk.Bulk:
		return name + "-BULK"
	default:
		return name
	}
}

// DeadLetterQueueName returns the name of the dead-letter queue that belongs to the queue
// of that name: with the suffix -DLQ, which stands before .fifo on a FIFO queue.
func DeadLetterQueueName(queueName string) string { return sqsqueue.DeadLetterName(queueName) }

// names checks and returns the names of the queues of the priorities, by default all
// four.
func (n Naming) names(app string, priorities []taskhawk.Priority) (map[taskhawk.Priority]string, error) {
	if n == nil {
		n = QueueName
	}
	return sqsqueue.Names(app, priorities, n)
}
