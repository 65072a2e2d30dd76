package taskhawk

import (
	"fmt"
	"strconv"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// MarshalJSON writes the message with its keys in the order of the format, all of them present, and no HTML escapes.
// What it writes, [ParseMessage] reads. It fails, with a [*MessageError], when Args or Kwargs is not a JSON array or object,
// when ID, Task or a header is not valid UTF-8, when ID or Task is empty, and when Timestamp lies after the year 9999.
//
// json.Marshal rewrites what a MarshalJSON returns, HTML escapes included: call this method where bytes matter.
func (m Message) MarshalJSON() ([]byte, error) {
	if err := m.checkHead(); err != nil {
		return nil, err
	}
	dst, err := m.appendHead(nil, false)
	if err != nil {
		return nil, err
	}
	if dst, err = appendText(append(dst, `"task":`...), "task", m.Task); err != nil {
		return nil, err
	}
	args, err := rawOr(m.Args, "args", '[', "[]")
	if err != nil {
		return nil, err
	}
	kwargs, err := rawOr(m.Kwargs, "kwargs", '{', "{}")
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(dst, `,"args":%s,"kwargs":%s}`, args, kwargs), nil
}

func rawOr(raw, field string, open byte, empty string) (string, error) {
	if raw == "" {
		return empty, nil
	}
	if raw[0] != open {
		return "", &MessageError{Field: field, Reason: "does not begin with " + string(open)}
	}
	end, err := jsontext.SkipValue(raw, 0)
	if err == nil && end != len(raw) {
		return "", &MessageError{Field: field, Reason: "goes on after its end"}
	}
	if err != nil {
		return "", &MessageError{Field: field, Reason: "is not JSON", Err: err}
	}
	return raw, nil
}

// checkHead refuses what appendHead has no form for, but for text that is not valid UTF-8, which it finds itself.
func (m *Message) checkHead() error {
	switch {
	case m.ID == "":
		return &MessageError{Field: "id", Reason: "is empty"}
	case m.Task == "":
		return &MessageError{Field: "task", Reason: "is empty"}
	case !m.Priority.Valid():
		return &MessageError{Field: "metadata.priority", Reason: "is unknown", Err: ErrUnknownPriority}
	case m.Timestamp.UnixMilli() < -lastTimestamp || m.Timestamp.UnixMilli() > lastTimestamp:
		return &MessageError{Field: "metadata.timestamp", Reason: "is out of range"}
	}
	return nil
}

// appendHead appends the message up to the comma before "task". The headers of a dispatch follow stricter rules than those of a message
// that somebody else may have made.
func (m *Message) appendHead(dst []byte, dispatch bool) ([]byte, error) {
	dst, err := appendText(append(dst, `{"id":`...), "id", m.ID)
	if err != nil {
		return dst, err
	}
	dst = append(dst, `,"metadata":{"priority":"`...)
	dst = append(dst, m.Priority.String()...)
	dst = append(dst, `","timestamp":`...)
	dst = strconv.AppendInt(dst, m.Timestamp.UnixMilli(), 10)
	dst = append(dst, `,"version":"`+FormatVersion+`"},"headers":{`...)
	if dst, err = appendHeaders(dst, m.Headers, dispatch); err != nil {
		return dst, err
	}
	return append(dst, "},"...), nil
}

func appendText(dst []byte, field, text string) ([]byte, error) {
	dst, ok := jsontext.AppendString(dst, text)
	if !ok {
		return dst, &MessageError{Field: field, Reason: "is not valid UTF-8"}
	}
	return dst, nil
}
