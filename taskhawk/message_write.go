package taskhawk

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// MarshalJSON writes the message with its keys in the order of the format, all of them
// present, and no HTML escapes. [ParseMessage] reads the result. MarshalJSON fails, with
// a [*MessageError], if Args or Kwargs is not a JSON array or object, if ID, Task or a
// header is not valid UTF-8, if ID or Task is empty, if Priority is unknown, or if
// Timestamp is after the year 9999.
//
// json.Marshal rewrites the result, with HTML escapes: call MarshalJSON directly if the
// bytes matter.
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

// checkHead refuses heads that appendHead cannot write. appendHead itself refuses text
// that is not valid UTF-8.
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

// appendHead appends the message up to the comma before "task". The headers of a dispatch
// follow stricter rules than a message from another sender.
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

// header is one of the headers of a message.
type header struct{ name, value string }

// fewHeaders is how many headers are sorted without memory from the heap.
const fewHeaders = 8

// appendHeaders appends the headers as members of an object, in the order of their names.
func appendHeaders(dst []byte, headers Headers, dispatch bool) ([]byte, error) {
	if len(headers) == 0 {
		return dst, nil
	}
	var room [fewHeaders]header
	sorted := room[:0]
	for name, value := range headers {
		sorted = append(sorted, header{name, value})
	}
	slices.SortFunc(sorted, func(a, b header) int { return strings.Compare(a.name, b.name) })
	for i := range sorted {
		h := &sorted[i]
		if dispatch {
			if err := checkHeaderName(h.name); err != nil {
				return dst, err
			}
		}
		var ok bool
		dst, ok = h.append(dst)
		if !ok {
			return dst, h.invalid(dispatch)
		}
	}
	return dst[:len(dst)-1], nil
}

// append appends a member and a comma; it fails when name or value is not valid UTF-8.
func (h *header) append(dst []byte) ([]byte, bool) {
	dst, ok := jsontext.AppendString(dst, h.name)
	if !ok {
		return dst, false
	}
	dst, ok = jsontext.AppendString(append(dst, ':'), h.value)
	return append(dst, ','), ok
}

func (h *header) invalid(dispatch bool) error {
	if dispatch {
		return checkHeader(h.name, h.value)
	}
	return &MessageError{Field: "headers", Reason: "is not valid UTF-8"}
}

// AppendMessage appends the message that runs the task with args to dst, for programs
// that send it by other means than a [Publisher], such as an outbox in a database.
// ReadMessage reads it back. ID, Priority, Timestamp and Headers are taken from head;
// its Task, Args and Kwargs are ignored.
//
// AppendMessage makes the checks of Dispatch, and checks head as [Message.MarshalJSON]
// does. The errors are [*ValidationError], [*ArgumentError], [ErrHeader] and
// [*MessageError]; dst is then returned with its old length. Of the task's options only
// WithKeywordArgs has an effect. Neither head nor args is kept.
func (t *Task[Args]) AppendMessage(dst []byte, head *Message, args *Args) ([]byte, error) {
	msg := Message{
		ID:        head.ID,
		Priority:  head.Priority,
		Timestamp: head.Timestamp,
		Headers:   head.Headers,
		Task:      t.identity.name,
	}
	if err := msg.checkHead(); err != nil {
		return dst, err
	}
	if t.check != nil {
		if err := t.check(args); err != nil {
			return dst, err
		}
	}
	body, err := t.appendBody(dst, &msg, args, t.settings.keywords(nil))
	if err != nil {
		return dst, err
	}
	return body, nil
}

// ReadMessage reads a body that [Task.AppendMessage] or Dispatch wrote, and binds its
// arguments to *args. It is ParseMessage and Bind in one: it checks args and kwargs once
// instead of twice, and returns the errors of both. Like Bind it ignores the name of the
// task. After an error the content of *args is unspecified.
//
// The texts of the message, and strings in *args, may share memory with body.
func (t *Task[Args]) ReadMessage(body string, args *Args) (*Message, error) {
	msg, err := parseMessage(body, jsontext.SpanContainer)
	if err != nil {
		return nil, err
	}
	if err := t.bind(msg, args); err != nil {
		return nil, err
	}
	return msg, nil
}

// appendBody appends a checked head, and args.
func (t *Task[Args]) appendBody(dst []byte, head *Message, args *Args, keyword bool) ([]byte, error) {
	dst, err := head.appendHead(dst, true)
	if err != nil {
		return dst, err
	}
	dst = append(dst, t.identity.member...)
	if keyword {
		dst, err = t.codec.AppendKeyword(dst, args)
	} else {
		dst, err = t.codec.Append(dst, args)
	}
	if err != nil {
		return dst, newArgumentError(t.Name(), err)
	}
	return append(dst, '}'), nil
}

// errEmptyID is returned if the function of WithIDs returns no id. A new UUID instead
// would differ when the fan-out runs again.
var errEmptyID = errors.New("WithIDs returns an empty id")

// newID returns the id of the i-th message of a call, and reports whether the user chose
// it. Otherwise it is a new UUID.
func (s *dispatchSettings) newID(i int) (id string, chosen bool, err error) {
	id = s.id
	if s.ids != nil {
		id = s.ids(i)
		if id == "" {
			return "", false, errEmptyID
		}
	}
	if id != "" {
		if !utf8.ValidString(id) {
			return "", false, errors.New("the id is not valid UTF-8")
		}
		return id, true, nil
	}
	return newUUID(), false, nil
}

// newUUID returns a random UUID. uuid.NewString reads the bytes through an interface, and
// allocates them for it: 4 to 8 % of BenchmarkCall/dispatch/small.
func newUUID() string {
	var id uuid.UUID
	_, _ = rand.Read(id[:])   // never fails
	id[6] = id[6]&0x0f | 0x40 // version 4
	id[8] = id[8]&0x3f | 0x80 // variant of RFC 9562
	return id.String()
}

// encode writes the message of a dispatch. The settings must be checked.
func (t *Task[Args]) encode(
	args *Args, set *dispatchSettings, id string, headers Headers, keyword bool,
) (*Outgoing, error) {
	head := Message{ID: id, Priority: set.priority, Timestamp: time.Now(), Headers: headers, Task: t.Name()}
	body, err := t.body(&head, args, keyword)
	if err != nil {
		return nil, err
	}
	return &Outgoing{
		ID: id, Task: head.Task, Priority: head.Priority, Headers: head.Headers, Body: body,
		Delay: set.delay, Group: set.group, DeduplicationID: set.deduplicationID,
	}, nil
}

// bodies holds the buffers that messages are encoded in before they are copied into
// strings of just their size.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// maxPooledBody is the largest buffer that is kept, in bytes: twice the largest message
// of SQS, since buffers grow in steps. A message in a larger buffer could not be sent.
const maxPooledBody = 2 << 20

// body is appendBody into a new string.
func (t *Task[Args]) body(head *Message, args *Args, keyword bool) (body string, err error) {
	buffer, _ := bodies.Get().(*[]byte)
	encoded, err := t.appendBody((*buffer)[:0], head, args, keyword)
	if err == nil {
		body = string(encoded)
	}
	*buffer = encoded
	if cap(encoded) <= maxPooledBody {
		bodies.Put(buffer)
	}
	return body, err
}
