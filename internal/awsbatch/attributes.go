package awsbatch

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The attribute names of Taskhawk.
const (
	AttributeTask     = "taskhawk_task"     // the name of the task, on every message
	AttributeEncoding = "taskhawk_encoding" // "base64", or absent
	AttributeReason   = "taskhawk_reason"   // why a message is on the dead-letter queue
	AttributeAttempt  = "taskhawk_attempt"  // the attempt that failed, on the dead-letter queue
)

const (
	// MaxAttributes is how many attributes SQS takes, and SNS delivers raw.
	MaxAttributes = 10
	// DefaultAttributes is the default limit of a publisher: one is left for tracing
	// agents, which add their own.
	DefaultAttributes = 9
)

// maxName is the length of an attribute name in bytes.
const maxName = 256

// Attribute is one attribute of the data type String, with a Name and a Value.
type Attribute struct{ Name, Value string }

// Size returns the bytes that the attribute counts towards the size of a message: name,
// type and value.
func (a Attribute) Size() int { return len(a.Name) + len("String") + len(a.Value) }

// Mirror returns the attributes of a task, most at most: its name, then the headers of
// trace context, then the other headers in name order. It omits headers that SQS would
// refuse and headers that do not fit into room bytes; the body has them. The name is
// always included.
func Mirror(task string, headers map[string]string, most, room int) []Attribute {
	attributes := make([]Attribute, 0, min(1+len(headers), most))
	add := func(a Attribute) {
		attributes = append(attributes, a)
		room -= a.Size()
	}
	if ValidAttributeValue(task) {
		add(Attribute{AttributeTask, task})
	}
	if len(headers) == 0 {
		return attributes // most messages have none; the sort is four of the 24 allocations of a send
	}
	for _, name := range slices.SortedFunc(maps.Keys(headers), byRank) {
		if len(attributes) == most {
			break
		}
		a := Attribute{name, headers[name]}
		if a.Size() <= room && ValidAttributeName(name) && ValidAttributeValue(a.Value) {
			add(a)
		}
	}
	return attributes
}

// traceID is the header of X-Ray.
const traceID = "x-amzn-trace-id"

// traceHeader returns the system attribute AWSTraceHeader: the header of X-Ray, or else
// the header of W3C in the form of X-Ray. It returns "" if both are missing or in a form
// that SQS refuses.
func traceHeader(headers map[string]string) string {
	parent := ""
	for name, value := range headers {
		switch {
		case strings.EqualFold(name, traceID) && validTrace(value):
			return value
		case strings.EqualFold(name, "traceparent"):
			parent = value
		}
	}
	return traceOf(parent)
}

// traceOf returns a traceparent, such as
// "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", in the form of X-Ray, or ""
// for any other text. Source: "Trace Context" of W3C, and "Tracing header" of the AWS
// X-Ray Developer Guide: X-Ray takes the ids of W3C.
func traceOf(parent string) string {
	parts := strings.SplitN(parent, "-", 5)
	if len(parts) < 4 || !isHex(parts[0], 2) || !isHex(parts[1], 32) || !isHex(parts[2], 16) || !isHex(parts[3], 2) {
		return ""
	}
	flags, err := strconv.ParseUint(parts[3], 16, 8)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("Root=1-%s-%s;Parent=%s;Sampled=%d", parts[1][:8], parts[1][8:], parts[2], flags&1)
}

// validTrace reports whether a value has the form of X-Ray: fields name=value separated
// by ';', one of them Root=1-, eight hexadecimal digits, '-' and 24 more. Source:
// "Tracing header" of the AWS X-Ray Developer Guide.
func validTrace(value string) bool {
	root := false
	for field := range strings.SplitSeq(strings.TrimSuffix(value, ";"), ";") {
		name, value, ok := strings.Cut(strings.TrimSpace(field), "=")
		if !ok || name == "" || !ValidAttributeValue(value) {
			return false
		}
		root = root || name == "Root" && validRoot(value)
	}
	return root
}

func validRoot(id string) bool {
	parts := strings.Split(id, "-")
	return len(parts) == 3 && parts[0] == "1" && isHex(parts[1], 8) && isHex(parts[2], 24)
}

func isHex(text string, length int) bool {
	return len(text) == length && strings.Trim(strings.ToLower(text), "0123456789abcdef") == ""
}

func byRank(a, b string) int {
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
}

// rank puts trace context first: the headers of W3C, B3 and X-Ray.
func rank(name string) int {
	lower := strings.ToLower(name)
	switch lower {
	case "traceparent", "tracestate", "baggage", "b3", traceID:
		return 0
	}
	if strings.HasPrefix(lower, "x-b3-") {
		return 0
	}
	return 1
}

// ValidAttributeName reports whether SQS takes name for an attribute: up to 256 letters,
// digits, '_', '-' and '.'; no leading, trailing or double dot; not beginning with "AWS."
// or "Amazon." in any case.
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

// ValidAttributeValue reports whether SQS takes value for an attribute: not empty, and
// only characters that [Forbidden] does not name.
func ValidAttributeValue(value string) bool { return value != "" && Forbidden(value) < 0 }

// Texts returns the attributes that have a text value: any sender may add a binary one.
// It returns last if last is equal. Messages of one receive often have the same
// attributes, and a map of one attribute takes 330 bytes while its message is in flight.
func Texts[A any](attributes map[string]A, text func(A) *string, last map[string]string) map[string]string {
	count, equal := 0, last != nil
	for name, attribute := range attributes {
		value := text(attribute)
		if value == nil {
			continue
		}
		count++
		old, ok := last[name]
		equal = equal && ok && old == *value
	}
	if equal && count == len(last) {
		return last
	}
	texts := make(map[string]string, count)
	for name, attribute := range attributes {
		if value := text(attribute); value != nil {
			texts[name] = *value
		}
	}
	return texts
}
