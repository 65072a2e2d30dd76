package taskhawk

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// MarshalJSON writes the message with its keys in the order of the format, all of them present, and no HTML escapes.
// What it writes, [ParseMessage] reads. It fails, with a [*MessageError], when Args or Kwargs is not a JSON array or object,
// when ID, Task or a header is not valid UTF-8, when ID or Task is empty, and when Timestamp lies after the year 9999.
//
// json.Marshal rewrites what a MarshalJSON returns, HTML escapes included: call this method where bytes matter.
func (m *Message) MarshalJSON() ([]byte, error) {
	switch {
	case m.ID == "":
		return nil, &MessageError{Field: "id", Reason: "is empty"}
	case m.Task == "":
		return nil, &MessageError{Field: "task", Reason: "is empty"}
	case !m.Priority.Valid():
		return nil, &MessageError{Field: "metadata.priority", Reason: "is unknown", Err: ErrUnknownPriority}
	case m.Timestamp.UnixMilli() < -lastTimestamp || m.Timestamp.UnixMilli() > lastTimestamp:
		return nil, &MessageError{Field: "metadata.timestamp", Reason: "is out of range"}
	}
	dst, err := appendHead(nil, m.ID, m.Priority, m.Timestamp, m.Headers, m.Task)
	if err != nil {
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
	return fmt.Appendf(dst, `"args":%s,"kwargs":%s}`, args, kwargs), nil
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

// appendHead appends the message up to the comma before "args".
func appendHead(
	dst []byte, id string, priority Priority, at time.Time, headers Headers, task string,
) ([]byte, error) {
	dst, err := appendText(append(dst, `{"id":`...), "id", id)
	if err != nil {
		return dst, err
	}
	dst = append(dst, `,"metadata":{"priority":"`...)
	dst = append(dst, priority.String()...)
	dst = append(dst, `","timestamp":`...)
	dst = strconv.AppendInt(dst, at.UnixMilli(), 10)
	dst = append(dst, `,"version":"`+FormatVersion+`"},"headers":{`...)
	if dst, err = appendHeaders(dst, headers); err != nil {
		return dst, err
	}
	if dst, err = appendText(append(dst, `},"task":`...), "task", task); err != nil {
		return dst, err
	}
	return append(dst, ','), nil
}

func appendHeaders(dst []byte, headers Headers) ([]byte, error) {
	if len(headers) == 0 {
		return dst, nil
	}
	var err error
	for i, key := range slices.Sorted(maps.Keys(headers)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendText(dst, "headers", key); err != nil {
			return dst, err
		}
		if dst, err = appendText(append(dst, ':'), "headers", headers[key]); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func appendText(dst []byte, field, text string) ([]byte, error) {
	dst, ok := jsontext.AppendString(dst, text)
	if !ok {
		return dst, &MessageError{Field: field, Reason: "is not valid UTF-8"}
	}
	return dst, nil
}
