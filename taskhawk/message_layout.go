package taskhawk

import (
	"strings"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// layout is the text between the values of a message that has all members, in the order of the format. Nearly every body has one of two
// layouts, and matching them takes half as long as reading the members one by one (BenchmarkParseMessage).
type layout struct{ id, priority, timestamp, headers, task, args, kwargs string }

// layouts are what this package writes, and what Python's json.dumps writes by default.
var layouts = [...]layout{
	{
		`{"id":`, `,"metadata":{"priority":`, `,"timestamp":`, `,"version":"` + FormatVersion + `"},"headers":`,
		`,"task":`, `,"args":`, `,"kwargs":`,
	},
	{
		`{"id": `, `, "metadata": {"priority": `, `, "timestamp": `, `, "version": "` + FormatVersion + `"}, "headers": `,
		`, "task": `, `, "args": `, `, "kwargs": `,
	},
}

// read reads a body that has the layout. It returns false, and leaves msg as it was, for any other body and for one with something wrong in
// it, of which messageReader then finds out what.
func (l *layout) read(body string, skip skipper, msg *Message) bool {
	r := layoutReader{body: body, skip: skip}
	id := r.text(l.id)
	priority := r.priority(l.priority)
	timestamp := r.millis(l.timestamp)
	headers := r.headers(l.headers)
	task := r.text(l.task)
	args := r.raw(l.args, '[')
	kwargs := r.raw(l.kwargs, '{')
	if r.literal("}"); r.failed || r.next != len(body) {
		return false
	}
	*msg = Message{ID: id, Priority: priority, Timestamp: timestamp, Headers: headers, Task: task, Args: args, Kwargs: kwargs}
	return true
}

// layoutReader steps through a body; once something is not as expected it reads nothing any more.
type layoutReader struct {
	body   string
	next   int
	skip   skipper // for args and kwargs
	failed bool
}

// literal steps over text that has to come next.
func (r *layoutReader) literal(text string) {
	if r.failed = r.failed || !strings.HasPrefix(r.body[r.next:], text); !r.failed {
		r.next += len(text)
	}
}

// opens steps over a literal and tells whether c comes next; it is asked before a value is read, since an error of package jsontext costs
// more than the value.
func (r *layoutReader) opens(literal string, c byte) bool {
	r.literal(literal)
	r.failed = r.failed || r.next == len(r.body) || r.body[r.next] != c
	return !r.failed
}

// text reads the string behind a literal, which must not be empty.
func (r *layoutReader) text(literal string) string {
	if !r.opens(literal, '"') {
		return ""
	}
	text, end, err := jsontext.ReadString(r.body, r.next)
	r.next, r.failed = end, err != nil || text == ""
	return text
}

// raw reads the JSON text of the array or object behind a literal.
func (r *layoutReader) raw(literal string, open byte) string {
	if !r.opens(literal, open) {
		return ""
	}
	start := r.next
	end, err := r.skip(r.body, start)
	r.next, r.failed = end, err != nil
	return r.body[start:end]
}

func (r *layoutReader) priority(literal string) Priority {
	text := r.text(literal)
	if r.failed {
		return Default
	}
	priority, err := ParsePriority(text)
	r.failed = err != nil
	return priority
}

// headers reads the object behind a literal.
func (r *layoutReader) headers(literal string) Headers {
	if !r.opens(literal, '{') {
		return nil
	}
	inner := messageReader{body: r.body, next: r.next}
	err := inner.members(inHeaders)
	r.next, r.failed = inner.next, err != nil
	return inner.headers
}

// maxDigits is how many digits are in range as a timestamp whatever they are.
const maxDigits = 14

// millis reads the whole number of ms since 1970 behind a literal.
func (r *layoutReader) millis(literal string) time.Time {
	r.literal(literal)
	start, ms := r.next, int64(0)
	for ; r.next < len(r.body) && r.body[r.next]-'0' <= 9; r.next++ {
		ms = 10*ms + int64(r.body[r.next]-'0')
	}
	digits := r.next - start
	r.failed = r.failed || digits == 0 || digits > maxDigits || digits > 1 && r.body[start] == '0'
	return time.UnixMilli(ms).UTC()
}
