package sqsqueue

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

const (
	// FIFOSuffix ends the names of FIFO queues, and only theirs.
	FIFOSuffix = ".fifo"
	// MaxName is the length of a queue's name in characters, .fifo included. Source:
	// CreateQueue.
	MaxName = 80
)

// IsFIFO reports whether the queue of that name is a FIFO queue.
func IsFIFO(name string) bool { return strings.HasSuffix(name, FIFOSuffix) }

// DeadLetterName returns the name of the dead-letter queue that belongs to the queue of
// that name.
func DeadLetterName(name string) string {
	if base, fifo := strings.CutSuffix(name, FIFOSuffix); fifo {
		return base + "-DLQ" + FIFOSuffix
	}
	return name + "-DLQ"
}

// Names returns the names that naming gives the queues of the priorities, checked. No
// priorities are all of them.
func Names(
	app string, priorities []taskhawk.Priority, naming func(app string, priority taskhawk.Priority) string,
) (map[taskhawk.Priority]string, error) {
	if err := awsbatch.CheckApp(app); err != nil {
		return nil, err
	}
	if len(priorities) == 0 {
		priorities = taskhawk.Priorities()
	}
	names := make(map[taskhawk.Priority]string, len(priorities))
	for _, priority := range priorities {
		if !priority.Valid() {
			return nil, fmt.Errorf("%w: %s", taskhawk.ErrUnknownPriority, priority)
		}
		name, err := awsbatch.Name(naming, app, priority)
		if err != nil {
			return nil, err
		}
		if err := checkName(DeadLetterName(name)); err != nil {
			return nil, err
		}
		names[priority] = name
	}
	return names, nil
}

func checkName(name string) error {
	if len(name) > MaxName {
		return fmt.Errorf("queue name %q has %d characters; SQS takes %d", name, len(name), MaxName)
	}
	for _, r := range strings.TrimSuffix(name, FIFOSuffix) {
		if r < '0' || r > 'z' || r > '9' && r < 'A' || r > 'Z' && r < 'a' {
			if r != '-' && r != '_' {
				return fmt.Errorf("queue name %q: SQS takes letters, digits, '-' and '_'", name)
			}
		}
	}
	return nil
}

// Queue is a queue, with the most urgent of the priorities that it is for.
type Queue struct {
	Name     string
	Priority taskhawk.Priority
}

// Queues returns the queues of the names, the most urgent first. A Naming may put several
// priorities on one queue, which is returned once.
func Queues(names map[taskhawk.Priority]string) []Queue {
	var queues []Queue
	seen := map[string]bool{}
	for _, priority := range taskhawk.Priorities() {
		if name, ok := names[priority]; ok && !seen[name] {
			seen[name] = true
			queues = append(queues, Queue{name, priority})
		}
	}
	return queues
}

// InOrder returns the names, the most urgent priorities first, each once.
func InOrder(names map[taskhawk.Priority]string) []string {
	var ordered []string
	for _, q := range Queues(names) {
		ordered = append(ordered, q.Name)
	}
	return ordered
}

// OneLine quotes a text from elsewhere unless it is plain, so that it cannot break out of
// its line.
func OneLine(text string) string {
	if quoted := strconv.Quote(text); text == "" || quoted != `"`+text+`"` {
		return quoted
	}
	return text
}
