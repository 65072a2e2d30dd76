package taskhawk

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

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

// refuse reports what is wrong with the next value; that it is not even JSON comes first.
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

// readRFC3339 refuses a date that its offset moves into the year 10000, since that could not be written again.
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
	if ms, err := strconv.ParseInt(raw, 10, 64); err == nil && -lastTimestamp <= ms && ms <= lastTimestamp {
		return time.UnixMilli(ms).UTC(), nil
	}
	ms, err := strconv.ParseFloat(raw, 64)
	if err != nil || math.Abs(ms) > lastTimestamp {
		return time.Time{}, &MessageError{Field: field, Reason: "is out of range"}
	}
	whole, part := math.Modf(ms)
	return time.UnixMilli(int64(whole)).Add(time.Duration(part * float64(time.Millisecond))).UTC(), nil
}
