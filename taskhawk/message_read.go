package taskhawk

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// ParseMessage reads a message, strictly: the errors are [*MessageError].
//
// Keys may come in any order and unknown ones are passed over, but case matters and a
// known key twice is an error. "args", "kwargs" and "headers" may be missing or null. A
// missing or null priority is [Default]. The timestamp is a number of ms or an RFC 3339
// text. A header that is not a string keeps its JSON text.
//
// The texts of the message share memory with body.
func ParseMessage(body string) (*Message, error) {
	return parseMessage(body, jsontext.SkipValue)
}

// skipper finds the end of the array or object at s[i]: [jsontext.SkipValue], or
// [jsontext.SpanContainer] if the codec checks the text later, when it binds it.
type skipper func(s string, i int) (end int, err error)

// parseMessage is ParseMessage with a choice of how to find the end of args and kwargs.
func parseMessage(body string, skip skipper) (*Message, error) {
	msg := new(Message)
	for i := range layouts {
		if layouts[i].read(body, skip, msg) {
			return msg, nil
		}
	}
	r := messageReader{body: body, skip: skip, message: msg}
	if err := r.read(); err != nil {
		return nil, asMessageError(err)
	}
	return msg, nil
}

// UnmarshalJSON is [ParseMessage], for encoding/json.
func (m *Message) UnmarshalJSON(body []byte) error {
	parsed, err := ParseMessage(string(body))
	if err != nil {
		return err
	}
	*m = *parsed
	return nil
}

// messageReader reads a body from its beginning to its end, every byte once.
type messageReader struct {
	body    string
	next    int     // index of the byte to be read next
	skip    skipper // for args and kwargs
	message *Message
	headers Headers
	seen    memberSet
}

func (r *messageReader) read() error {
	r.space()
	if !r.at('{') {
		return &MessageError{Reason: "the body is not a JSON object"}
	}
	if err := r.members(inMessage); err != nil {
		return err
	}
	r.space()
	if r.next != len(r.body) {
		return &MessageError{Reason: "something follows the JSON object"}
	}
	return r.missing()
}

// objectKind is one of the three objects whose members are read here.
type objectKind uint8

const (
	inMessage objectKind = iota
	inMetadata
	inHeaders
)

// members reads the object that begins here.
func (r *messageReader) members(kind objectKind) error {
	r.next = jsontext.SkipSpace(r.body, r.next+1)
	if r.at('}') {
		r.next++
		return nil
	}
	for {
		key, err := r.key()
		if err != nil {
			return err
		}
		switch kind {
		case inMessage:
			err = r.member(key)
		case inMetadata:
			err = r.metadata(key)
		case inHeaders:
			err = r.header(key)
		}
		if err != nil {
			return err
		}
		switch r.space(); {
		case r.at('}'):
			r.next++
			return nil
		case !r.at(','):
			return jsontext.Unexpected(r.body, r.next, "',' or '}'")
		}
		r.next = jsontext.SkipSpace(r.body, r.next+1)
	}
}

// member reads the value of a member of the message.
func (r *messageReader) member(key string) (err error) {
	switch key {
	case "id":
		if err = r.once(memberID, key); err == nil {
			r.message.ID, err = r.text(key)
		}
	case "task":
		if err = r.once(memberTask, key); err == nil {
			r.message.Task, err = r.text(key)
		}
	case "metadata":
		if err = r.once(memberMetadata, key); err == nil {
			err = r.object(key, inMetadata)
		}
	case "headers":
		if err = r.once(memberHeaders, key); err == nil && !r.null() {
			err = r.object(key, inHeaders)
			r.message.Headers = r.headers
		}
	case "args":
		if err = r.once(memberArgs, key); err == nil && !r.null() {
			r.message.Args, err = r.raw(key, '[', "is not an array")
		}
	case "kwargs":
		if err = r.once(memberKwargs, key); err == nil && !r.null() {
			r.message.Kwargs, err = r.raw(key, '{', "is not an object")
		}
	default:
		_, err = r.value()
	}
	return err
}

// metadata reads the value of a member of "metadata".
func (r *messageReader) metadata(key string) (err error) {
	switch key {
	case "priority":
		if err = r.once(memberPriority, "metadata.priority"); err == nil && !r.null() {
			r.message.Priority, err = r.priority("metadata.priority")
		}
	case "timestamp":
		if err = r.once(memberTimestamp, "metadata.timestamp"); err == nil {
			r.message.Timestamp, err = r.timestamp("metadata.timestamp")
		}
	case "version":
		if err = r.once(memberVersion, "metadata.version"); err == nil {
			err = r.version("metadata.version")
		}
	default:
		_, err = r.value()
	}
	return err
}

// header reads the value of a member of "headers".
func (r *messageReader) header(key string) error {
	value, err := r.headerValue()
	if err != nil {
		return err
	}
	if r.headers == nil {
		r.headers = Headers{}
	} else if _, twice := r.headers[key]; twice {
		return &MessageError{Field: "headers", Reason: "has a key twice"}
	}
	r.headers[key] = value
	return nil
}

// key reads the name of a member and its colon.
func (r *messageReader) key() (key string, err error) {
	if key, r.next, err = jsontext.ReadString(r.body, r.next); err != nil {
		return "", err
	}
	r.space()
	if !r.at(':') {
		return "", jsontext.Unexpected(r.body, r.next, "':'")
	}
	r.next = jsontext.SkipSpace(r.body, r.next+1)
	return key, nil
}

func (r *messageReader) space() { r.next = jsontext.SkipSpace(r.body, r.next) }

// at reports whether the next byte is c.
func (r *messageReader) at(c byte) bool { return r.next < len(r.body) && r.body[r.next] == c }

// value steps over a value of any kind and returns its JSON text.
func (r *messageReader) value() (raw string, err error) {
	start := r.next
	r.next, err = jsontext.SkipValue(r.body, start)
	return r.body[start:r.next], err
}

// null steps over a null, if there is one.
func (r *messageReader) null() bool {
	const null = "null"
	if !strings.HasPrefix(r.body[r.next:], null) {
		return false
	}
	r.next += len(null)
	return true
}

// refuse returns the error of the next value. If the value is not JSON, that comes
// first.
func (r *messageReader) refuse(field, reason string) error {
	if _, err := r.value(); err != nil {
		return err
	}
	return &MessageError{Field: field, Reason: reason}
}

// object reads the members of an object.
func (r *messageReader) object(field string, kind objectKind) error {
	if !r.at('{') {
		return r.refuse(field, "is not an object")
	}
	return r.members(kind)
}

// raw reads a value that is kept as JSON text; it must begin with open.
func (r *messageReader) raw(field string, open byte, otherwise string) (raw string, err error) {
	if !r.at(open) {
		return "", r.refuse(field, otherwise)
	}
	start := r.next
	r.next, err = r.skip(r.body, start)
	return r.body[start:r.next], err
}

// text reads a string that must not be empty.
func (r *messageReader) text(field string) (text string, err error) {
	if !r.at('"') {
		return "", r.refuse(field, "is not a string")
	}
	text, r.next, err = jsontext.ReadString(r.body, r.next)
	if err == nil && text == "" {
		return "", &MessageError{Field: field, Reason: "is empty"}
	}
	return text, err
}

// headerValue reads a string, or the JSON text of another value.
func (r *messageReader) headerValue() (value string, err error) {
	if !r.at('"') {
		value, err = r.value()
		return strings.ToValidUTF8(value, "\uFFFD"), err
	}
	value, r.next, err = jsontext.ReadString(r.body, r.next)
	return value, err
}

func (r *messageReader) version(field string) error {
	version, err := r.text(field)
	if err == nil && version != FormatVersion {
		return &MessageError{Field: field, Reason: `is not "` + FormatVersion + `"`}
	}
	return err
}

func (r *messageReader) priority(field string) (Priority, error) {
	text, err := r.text(field)
	if err != nil {
		return Default, err
	}
	priority, err := ParsePriority(text)
	if err != nil {
		return Default, &MessageError{Field: field, Reason: "is unknown", Err: err}
	}
	return priority, nil
}

// lastTimestamp is the end of the year 9999, in ms: what RFC 3339 can write.
const lastTimestamp = 253402300799999

// timestamp reads a number of ms since 1970, whole or not, or an RFC 3339 text.
func (r *messageReader) timestamp(field string) (time.Time, error) {
	switch {
	case r.at('"'):
		text, err := r.text(field)
		if err != nil {
			return time.Time{}, err
		}
		return readRFC3339(field, text)
	case r.at('-') || r.next < len(r.body) && r.body[r.next]-'0' <= 9:
		raw, err := r.value()
		if err != nil {
			return time.Time{}, err
		}
		return readMillis(field, raw)
	}
	return time.Time{}, r.refuse(field, "is neither a number nor a text")
}

// readRFC3339 refuses a date that its offset moves into the year 10000, since that could
// not be written again.
func readRFC3339(field, text string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, &MessageError{Field: field, Reason: "is a text that is not RFC 3339"}
	}
	if at.UnixMilli() > lastTimestamp {
		return time.Time{}, &MessageError{Field: field, Reason: "is out of range"}
	}
	return at.UTC(), nil
}

func readMillis(field, raw string) (time.Time, error) {
	ms, err := strconv.ParseFloat(raw, 64) // exact for every whole number in range
	if err != nil || math.Abs(ms) > lastTimestamp {
		return time.Time{}, &MessageError{Field: field, Reason: "is out of range"}
	}
	whole, part := math.Modf(ms)
	return time.UnixMilli(int64(whole)).Add(time.Duration(part * float64(time.Millisecond))).UTC(), nil
}

// memberSet is a set of the members that the format knows.
type memberSet uint16

const (
	memberID memberSet = 1 << iota
	memberTask
	memberMetadata
	memberHeaders
	memberArgs
	memberKwargs
	memberPriority
	memberTimestamp
	memberVersion
)

// once refuses a member that was there before.
func (r *messageReader) once(member memberSet, field string) error {
	if r.seen&member != 0 {
		return r.refuse(field, "is given twice")
	}
	r.seen |= member
	return nil
}

// missing refuses a message without the members that it must have.
func (r *messageReader) missing() error {
	var field string
	switch {
	case r.seen&memberID == 0:
		field = "id"
	case r.seen&memberTask == 0:
		field = "task"
	case r.seen&memberMetadata == 0:
		field = "metadata"
	case r.seen&memberVersion == 0:
		field = "metadata.version"
	case r.seen&memberTimestamp == 0:
		field = "metadata.timestamp"
	default:
		return nil
	}
	return &MessageError{Field: field, Reason: "is missing"}
}

// layout is the text between the values of a message that has all members, in the order
// of the format. Nearly every body has one of two layouts. Matching them takes 0.72 of
// the time of reading member by member; any other body takes 1.6 times as long
// (BenchmarkParseMessage). A delivery with a handler that does nothing saves 6 %.
type layout struct{ id, priority, timestamp, headers, task, args, kwargs string }

// layouts are what this package writes, and what Python's json.dumps writes by default.
var layouts = [...]layout{
	{
		`{"id":`, `,"metadata":{"priority":`, `,"timestamp":`, `,"version":"` + FormatVersion + `"},"headers":`,
		`,"task":`, `,"args":`, `,"kwargs":`,
	},
	{
		`{"id": `,
		`, "metadata": {"priority": `,
		`, "timestamp": `,
		`, "version": "` + FormatVersion + `"}, "headers": `,
		`, "task": `,
		`, "args": `,
		`, "kwargs": `,
	},
}

// read reads a body that has the layout. For any other body, and for an invalid one, it
// returns false and leaves msg as it was; messageReader then finds the error.
func (l *layout) read(body string, skip skipper, msg *Message) bool {
	r := layoutReader{messageReader: messageReader{body: body, skip: skip}}
	id := r.textAfter(l.id)
	priority := r.priorityAfter(l.priority)
	timestamp := r.millisAfter(l.timestamp)
	headers := r.headersAfter(l.headers)
	task := r.textAfter(l.task)
	args := r.rawAfter(l.args, '[')
	kwargs := r.rawAfter(l.kwargs, '{')
	r.literal("}")
	if r.failed || r.next != len(body) {
		return false
	}
	*msg = Message{
		ID:        id,
		Priority:  priority,
		Timestamp: timestamp,
		Headers:   headers,
		Task:      task,
		Args:      args,
		Kwargs:    kwargs,
	}
	return true
}

// layoutReader reads the values between the literals of a layout. After the first
// mismatch it reads nothing more, and the values it returned are invalid.
type layoutReader struct {
	messageReader

	failed bool
}

// literal steps over text that has to come next.
func (r *layoutReader) literal(text string) {
	r.failed = r.failed || !strings.HasPrefix(r.body[r.next:], text)
	if !r.failed {
		r.next += len(text)
	}
}

// opens steps over a literal and reports whether c comes next. Call it before a value is
// read, since an error of package jsontext costs more than the value.
func (r *layoutReader) opens(literal string, c byte) bool {
	r.literal(literal)
	r.failed = r.failed || !r.at(c)
	return !r.failed
}

// textAfter, rawAfter and priorityAfter do not use the methods of messageReader, which
// look for the same things again to find the error: 4 % of BenchmarkCall/handle/small.
func (r *layoutReader) textAfter(literal string) (text string) {
	if r.opens(literal, '"') {
		var err error
		text, r.next, err = jsontext.ReadString(r.body, r.next)
		r.failed = err != nil || text == ""
	}
	return text
}

func (r *layoutReader) priorityAfter(literal string) Priority {
	text := r.textAfter(literal)
	if r.failed {
		return Default
	}
	priority, err := ParsePriority(text)
	r.failed = err != nil
	return priority
}

func (r *layoutReader) rawAfter(literal string, open byte) string {
	if !r.opens(literal, open) {
		return ""
	}
	start := r.next
	var err error
	r.next, err = r.skip(r.body, start)
	r.failed = err != nil
	return r.body[start:r.next]
}

func (r *layoutReader) headersAfter(literal string) Headers {
	if r.opens(literal, '{') {
		r.failed = r.members(inHeaders) != nil
	}
	return r.headers
}

// maxDigits is the length up to which every number is in range as a timestamp.
const maxDigits = 14

// millisAfter reads a whole number of ms since 1970.
func (r *layoutReader) millisAfter(literal string) time.Time {
	r.literal(literal)
	if r.failed {
		return time.Time{}
	}
	rest, n, ms := r.body[r.next:], 0, int64(0)
	for ; n < len(rest) && rest[n]-'0' <= 9; n++ {
		ms = 10*ms + int64(rest[n]-'0')
	}
	r.next += n
	r.failed = n == 0 || n > maxDigits || n != 1 && rest[0] == '0'
	return time.UnixMilli(ms).UTC()
}
