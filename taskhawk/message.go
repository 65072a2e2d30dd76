package taskhawk

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// FormatVersion is the version of the message format that this package writes, and the
// only one it reads.
const FormatVersion = "1.0"

// Message is one run of a task in the form that goes on the wire, the format of the
// Python library:
//
//	{"id":"...","metadata":{"priority":"high","timestamp":1460868253255,"version":"1.0"},
//	 "headers":{},"task":"tasks.send_email","args":["a@b.c"],"kwargs":{"subject":"hi"}}
//
// MarshalJSON writes and [ParseMessage] reads it.
type Message struct { //nolint:recvcheck // written by value, read into a pointer, as encoding/json wants them
	// ID identifies the run. Any text that is not empty; Dispatch makes a UUID.
	ID string
	// Priority is the priority of the dispatch.
	Priority Priority
	// Timestamp is the time of the dispatch, by the sender's clock; on the wire in ms
	// since 1970.
	Timestamp time.Time
	// Headers are the headers, nil when there are none; on reading, a value that is not a
	// string keeps its JSON text.
	Headers Headers
	// Task is the name of the task.
	Task string
	// Args is the JSON array of the positional arguments; empty means none.
	Args string
	// Kwargs is the JSON object of the keyword arguments; empty means none.
	Kwargs string
}

// LogValue returns the fields that are safe to log: no header and no argument.
func (m Message) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("id", inLog(m.ID)),
		slog.String("task", inLog(m.Task)),
		slog.String("priority", m.Priority.String()),
	)
}

// MessageError is the error of a body that is not a Taskhawk message. Its text never
// shows a value of the message.
type MessageError struct {
	// Field is the field at fault, such as "metadata.version"; empty when the body as a
	// whole is not a JSON object.
	Field string
	// Reason says what is wrong with it.
	Reason string
	// Err is the cause, if there is one.
	Err error
}

// Error names field and reason.
func (e *MessageError) Error() string {
	text := "not a taskhawk message: "
	if e.Field != "" {
		text += e.Field + " "
	}
	text += e.Reason
	if e.Err != nil {
		text = fmt.Sprintf("%s: %v", text, e.Err)
	}
	return text
}

// Unwrap returns the cause.
func (e *MessageError) Unwrap() error { return e.Err }

// asMessageError converts a syntax error to a MessageError; a MessageError stays as it
// is.
func asMessageError(err error) error {
	if _, ok := errors.AsType[*MessageError](err); ok {
		return err
	}
	return &MessageError{Reason: "is not JSON", Err: err}
}

// encodingAttribute has the encoding of the body. The older Go library sets it to
// "base64" if the payload has characters that SQS refuses.
const encodingAttribute = "taskhawk_encoding"

// snsNotification is the JSON that a subscription without raw delivery puts around the
// message.
type snsNotification struct {
	Type              string         `json:"Type"`
	TopicARN          string         `json:"TopicArn"`
	Message           *string        `json:"Message"`
	MessageAttributes map[string]any `json:"MessageAttributes"` // as {"name":{"Type":"String","Value":"text"}}
}

// attributes returns the attributes with a text value.
func (n *snsNotification) attributes() map[string]string {
	texts := make(map[string]string, len(n.MessageAttributes))
	for name, attribute := range n.MessageAttributes {
		members, _ := attribute.(map[string]any)
		if value, ok := members["Value"].(string); ok && members["Type"] != "Binary" {
			texts[name] = value
		}
	}
	return texts
}

// readBody reads the message of a delivery: plain, base64, or wrapped in an SNS
// notification, which is nil if there is none. Bind checks that args and kwargs are
// JSON, so that they are read once.
func readBody(d *Delivery) (msg *Message, notification *snsNotification, err error) {
	plain, err := decodeBody(d.Body, d.Attributes[encodingAttribute])
	if err != nil {
		return nil, nil, err
	}
	msg, err = parseMessage(plain, jsontext.SpanContainer)
	if err == nil {
		return msg, nil, nil
	}
	return readNotification(plain, err)
}

// readNotification reads a body that is no message as an SNS notification; reason is why
// it is none. It is separate from readBody to keep the stack of a usual delivery below 4
// KiB (TestT53MemoryPerTaskInFlight).
//
//go:noinline
func readNotification(plain string, reason error) (msg *Message, notification *snsNotification, err error) {
	wrapped, ok := unwrapSNS(plain)
	if !ok {
		return nil, nil, reason
	}
	plain, err = decodeBody(*wrapped.Message, wrapped.attributes()[encodingAttribute])
	if err != nil {
		return nil, nil, err
	}
	msg, err = parseMessage(plain, jsontext.SpanContainer)
	return msg, wrapped, err
}

func decodeBody(body, encoding string) (string, error) {
	switch encoding {
	case "":
		return body, nil
	case "base64":
		plain, err := base64.StdEncoding.DecodeString(body)
		if err != nil {
			return "", &MessageError{Reason: "the body is not base64, as its attribute " + encodingAttribute + " says"}
		}
		return string(plain), nil
	}
	return "", &MessageError{Reason: "the attribute " + encodingAttribute + " is not base64"}
}

// unwrap returns the delivery as if the topic had delivered raw.
func (n *snsNotification) unwrap(d *Delivery) *Delivery {
	raw := *d
	raw.Attributes, raw.Topic = n.attributes(), cmp.Or(raw.Topic, n.TopicARN)
	return &raw
}

// unwrapSNS reads a notification only if the text can be one, since that reads the body
// again.
func unwrapSNS(body string) (*snsNotification, bool) {
	if !strings.Contains(body, `"Notification"`) {
		return nil, false
	}
	var n snsNotification
	if err := json.Unmarshal([]byte(body), &n); err != nil {
		return nil, false
	}
	return &n, n.Type == "Notification" && n.TopicARN != "" && n.Message != nil
}
