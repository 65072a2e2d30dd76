package lambdax

import (
	"errors"
	"fmt"
	"strings"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Naming returns the name of the topic of an application for a priority. [TopicName] is the default. A name that ends with .fifo is
// that of a FIFO topic.
type Naming func(queue string, priority taskhawk.Priority) string

// TopicName returns the name that all Taskhawk libraries use: for "dev-myapp" it is taskhawk-dev-myapp, in lower case, with the suffix
// -high-priority, -low-priority or -bulk for those priorities.
func TopicName(queue string, priority taskhawk.Priority) string {
	name := "taskhawk-" + strings.ToLower(queue)
	switch priority {
	case taskhawk.High:
		return name + "-high-priority"
	case taskhawk.Low:
		return name + "-low-priority"
	case taskhawk.Bulk:
		return name + "-bulk"
	default:
		return name
	}
}

const fifoSuffix = ".fifo"

func isFIFO(topic string) bool { return strings.HasSuffix(topic, fifoSuffix) }

// maxTopicName is the length of a topic name in characters, .fifo included.
const maxTopicName = 256

// names returns the names of the topics of all priorities, checked.
func (n Naming) names(queue string) (map[taskhawk.Priority]string, error) {
	if queue == "" {
		return nil, errors.New("the queue has no name")
	}
	if n == nil {
		n = TopicName
	}
	names := make(map[taskhawk.Priority]string, len(taskhawk.Priorities()))
	for _, priority := range taskhawk.Priorities() {
		name := n(queue, priority)
		if err := checkTopicName(name); err != nil {
			return nil, err
		}
		names[priority] = name
	}
	return names, nil
}

func checkTopicName(name string) error {
	base := strings.TrimSuffix(name, fifoSuffix)
	if base == "" || len(name) > maxTopicName {
		return fmt.Errorf("topic name %q has %d characters, SNS takes 1 to %d", name, len(name), maxTopicName)
	}
	if strings.ContainsFunc(base, func(r rune) bool { return !topicRune(r) }) {
		return fmt.Errorf("topic name %q: SNS takes letters, digits, '-' and '_'", name)
	}
	return nil
}

func topicRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
}
