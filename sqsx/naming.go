package sqsx

import (
	"errors"
	"fmt"
	"strings"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Naming returns the name of the queue of an application for a priority. [QueueName] is the default.
type Naming func(queue string, priority taskhawk.Priority) string

// QueueName returns the name that all Taskhawk libraries use: for "dev-myapp" it is TASKHAWK-DEV-MYAPP, with the suffix
// -HIGH-PRIORITY, -LOW-PRIORITY or -BULK for those priorities.
func QueueName(queue string, priority taskhawk.Priority) string {
	name := "TASKHAWK-" + strings.ToUpper(queue)
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

const fifoSuffix = ".fifo"

// DeadLetterQueueName returns the name of the dead-letter queue that belongs to the queue of that name: with the suffix -DLQ, which
// stands before .fifo on a FIFO queue.
func DeadLetterQueueName(queueName string) string {
	if name, fifo := strings.CutSuffix(queueName, fifoSuffix); fifo {
		return name + "-DLQ" + fifoSuffix
	}
	return queueName + "-DLQ"
}

func isFIFO(queueName string) bool { return strings.HasSuffix(queueName, fifoSuffix) }

// maxQueueName is the length of a queue name in characters, .fifo included.
const maxQueueName = 80

// names returns the names of the queues of the priorities (all four when there are none), checked.
func (n Naming) names(queue string, priorities []taskhawk.Priority) (map[taskhawk.Priority]string, error) {
	if queue == "" {
		return nil, errors.New("the queue has no name")
	}
	// A URL would only be reported as a name that is too long or has wrong characters.
	if strings.ContainsAny(queue, ":/") {
		return nil, errors.New(`a queue URL or ARN stands where the application's name is expected, such as "dev-myapp": ` +
			"the names of its queues follow from it; Account names the owner of queues of another account")
	}
	if n == nil {
		n = QueueName
	}
	if len(priorities) == 0 {
		priorities = taskhawk.Priorities()
	}
	names := make(map[taskhawk.Priority]string, len(priorities))
	for _, priority := range priorities {
		if !priority.Valid() {
			return nil, fmt.Errorf("%w: %s", taskhawk.ErrUnknownPriority, priority)
		}
		name := n(queue, priority)
		if err := checkQueueName(DeadLetterQueueName(name)); err != nil {
			return nil, err
		}
		names[priority] = name
	}
	return names, nil
}

func checkQueueName(name string) error {
	base := strings.TrimSuffix(name, fifoSuffix)
	if len(name) > maxQueueName {
		return fmt.Errorf("queue name %q has %d characters, SQS takes %d", name, len(name), maxQueueName)
	}
	for _, r := range base {
		if r < '0' || r > 'z' || r > '9' && r < 'A' || r > 'Z' && r < 'a' {
			if r != '-' && r != '_' {
				return fmt.Errorf("queue name %q: SQS takes letters, digits, '-' and '_'", name)
			}
		}
	}
	return nil
}
