package awsbatch

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The attribute names of Taskhawk.
const (
	AttributeTask     = "taskhawk_task"     // the name of the task, on every message
	AttributeEncoding = "taskhawk_encoding" // "base64", or absent
	AttributeReason   = "taskhawk_reason"   // why a message is on the dead-letter queue
	AttributeAttempt  = "taskhawk_attempt"  // the attempt that failed, on the dead-letter queue
)

// MaxAttributes is how many attributes SQS takes, and SNS delivers raw.
const MaxAttributes = 10

// maxName is the length of an attribute name in bytes.
const maxName = 256

// Attribute is one attribute of the data type String, with a Name and a Value.
type Attribute struct{ Name, Value string }

// Size is what the attribute counts towards the size of a message, in bytes: name, type and value.
func (a Attribute) Size() int { return len(a.Name) + len("String") + len(a.Value) }

// DefaultAttributes is how many attributes a publisher sends by default: one is left for what a tracing agent adds to the call.
const DefaultAttributes = MaxAttributes - 1

// Mirror returns the attributes of a task: its name, then the headers of trace context, then the other headers in name order. They are
// limit at most. Headers that SQS would refuse, and those for which there is no room, in bytes, are left out; they are in the body.
func Mirror(task string, headers map[string]string, limit, room int) []Attribute {
	attributes := make([]Attribute, 0, min(1+len(headers), limit))
	add := func(a Attribute) {
		if len(attributes) < limit && a.Size() <= room {
			attributes = append(attributes, a)
			room -= a.Size()
		}
	}
	if ValidAttributeValue(task) { // with room or without: some readers do not stand a message without attributes
		name := Attribute{AttributeTask, task}
		attributes = append(attributes, name)
		room -= name.Size()
	}
	for _, name := range slices.SortedFunc(maps.Keys(headers), byRank) {
		if value := headers[name]; ValidAttributeName(name) && ValidAttributeValue(value) {
			add(Attribute{name, value})
		}
	}
	return attributes
}

// CheckAttributes returns an error for a limit of attributes that no service takes.
func CheckAttributes(limit int) error {
	if limit < 0 || limit > MaxAttributes {
		return fmt.Errorf("MaxAttributes %d: a message takes 1 to %d", limit, MaxAttributes)
	}
	return nil
}

func byRank(a, b string) int {
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
}

// rank puts trace context first: the headers of W3C, B3 and X-Ray.
func rank(name string) int {
	lower := strings.ToLower(name)
	switch lower {
	case "traceparent", "tracestate", "baggage", "b3", "x-amzn-trace-id":
		return 0
	}
	if strings.HasPrefix(lower, "x-b3-") {
		return 0
	}
	return 1
}

// ValidAttributeName reports whether SQS takes name for an attribute: up to 256 letters, digits, '_', '-' and '.'; no leading, trailing or
// double dot; not beginning with "AWS." or "Amazon." in any case.
func ValidAttributeName(name string) bool {
	if name == "" || len(name) > maxName || name[0] == '.' || name[len(name)-1] == '.' {
		return false
	}
	lower := strings.ToLower(name)
	if strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon.") || strings.Contains(name, "..") {
		return false
	}
	return strings.IndexFunc(name, func(r rune) bool { return !nameRune(r) }) < 0
}

func nameRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.'
}

// ValidAttributeValue reports whether SQS takes value for an attribute: not empty, and only characters that [Forbidden] does not name.
func ValidAttributeValue(value string) bool { return value != "" && Forbidden(value) < 0 }
