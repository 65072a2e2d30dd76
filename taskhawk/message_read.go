package taskhawk

import (
	"strings"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// ParseMessage reads a message, strictly: the errors are [*MessageError].
//
// Keys may come in any order and unknown ones are passed over, but case matters and a known key twice is an error. "args",
// "kwargs" and "headers" may be missing or null. A missing or null priority is [Default]. The timestamp is a number of ms
// or an RFC 3339 text. A header that is not a string keeps its JSON text.
//
// The texts of the message share memory with body.
func ParseMessage(body string) (*Message, error) {
	var r messageReader
	end, err := eachMember(body, jsontext.SkipSpace(body, 0), r.member)
	if err != nil {
		return nil, asMessageError("", err)
	}
	if jsontext.SkipSpace(body, end) != len(body) {
		return nil, &MessageError{Reason: "something follows the JSON object"}
	}
	if err := r.missing(); err != nil {
		return nil, err
	}
	return &r.message, nil
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

// messageReader collects what ParseMessage finds.
type messageReader struct {
	message Message
	seen    memberSet
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
		return &MessageError{Field: field, Reason: "is given twice"}
	}
	r.seen |= member
	return nil
}

// missing refuses a message without the members that it must have.
func (r *messageReader) missing() error {
	field := ""
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

func (r *messageReader) member(key, raw string) (err error) {
	switch key {
	case "id":
		if err = r.once(memberID, key); err == nil {
			r.message.ID, err = readText(key, raw)
		}
	case "task":
		if err = r.once(memberTask, key); err == nil {
			r.message.Task, err = readText(key, raw)
		}
	case "metadata":
		if err = r.once(memberMetadata, key); err == nil {
			err = readObject(key, raw, r.metadata)
		}
	case "headers":
		if err = r.once(memberHeaders, key); err == nil && raw != "null" {
			err = readObject(key, raw, r.header)
		}
	case "args":
		if err = r.once(memberArgs, key); err == nil {
			r.message.Args, err = readRaw(key, raw, '[', "array")
		}
	case "kwargs":
		if err = r.once(memberKwargs, key); err == nil {
			r.message.Kwargs, err = readRaw(key, raw, '{', "object")
		}
	}
	return err
}

func (r *messageReader) metadata(key, raw string) (err error) {
	switch key {
	case "priority":
		if err = r.once(memberPriority, "metadata.priority"); err == nil {
			r.message.Priority, err = readPriority("metadata.priority", raw)
		}
	case "timestamp":
		if err = r.once(memberTimestamp, "metadata.timestamp"); err == nil {
			r.message.Timestamp, err = readTimestamp("metadata.timestamp", raw)
		}
	case "version":
		if err = r.once(memberVersion, "metadata.version"); err == nil {
			err = checkVersion("metadata.version", raw)
		}
	}
	return err
}

func (r *messageReader) header(key, raw string) error {
	if _, twice := r.message.Headers[key]; twice {
		return &MessageError{Field: "headers", Reason: "has a key twice"}
	}
	value := strings.ToValidUTF8(raw, "\uFFFD")
	if raw[0] == '"' {
		var err error
		if value, _, err = jsontext.ReadString(raw, 0); err != nil {
			return err
		}
	}
	if r.message.Headers == nil {
		r.message.Headers = Headers{}
	}
	r.message.Headers[key] = value
	return nil
}
