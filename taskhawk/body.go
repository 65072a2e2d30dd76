package taskhawk

import (
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// AppendMessage appends the message that runs the task with args to dst, for those who send it by other means than a [Publisher], such as
// an outbox in a database. ReadMessage reads it back. ID, Priority, Timestamp and Headers are those of head; its Task, Args and
// Kwargs are not looked at.
//
// It checks what Dispatch checks, and head as [Message.MarshalJSON] does: the errors are [*ValidationError], [*ArgumentError], [ErrHeader] and
// [*MessageError], and dst then comes back with its length unchanged. Of the task's options only WithKeywordArgs plays a part.
// Neither head nor args is kept.
func (t *Task[Args]) AppendMessage(dst []byte, head *Message, args *Args) ([]byte, error) {
	msg := Message{ID: head.ID, Priority: head.Priority, Timestamp: head.Timestamp, Headers: head.Headers, Task: t.identity.name}
	if err := msg.checkHead(); err != nil {
		return dst, err
	}
	if t.check != nil {
		if err := t.check(args); err != nil {
			return dst, err
		}
	}
	body, err := t.appendBody(dst, &msg, args, t.settings.keywordArgs)
	if err != nil {
		return dst, err
	}
	return body, nil
}

// ReadMessage reads a body that runs the task, what [Task.AppendMessage] or Dispatch wrote, and binds its arguments to *args: ParseMessage and
// Bind in one, which checks args and kwargs once instead of twice. The errors are those of both. Like Bind it does not look at the name of
// the task; when it fails, what *args holds is not specified.
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

// encode makes the message of a dispatch, its settings being checked.
func (t *Task[Args]) encode(args *Args, set *settings) (*Outgoing, error) {
	id := set.id
	if id == "" {
		random, err := uuid.NewRandom()
		if err != nil {
			return nil, fmt.Errorf("make an id: %w", err)
		}
		id = random.String()
	}
	head := Message{ID: id, Priority: set.priority, Timestamp: time.Now(), Headers: set.headers, Task: t.Name()}
	body, err := t.body(&head, args, set.keywordArgs)
	if err != nil {
		return nil, err
	}
	return &Outgoing{
		ID: id, Task: head.Task, Priority: head.Priority, Headers: head.Headers, Body: body,
		Delay: set.delay, Group: set.group, DeduplicationID: set.deduplicationID,
	}, nil
}

// bodies holds the buffers that messages are encoded in before they are copied into strings of just their size.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// maxPooledBody is the largest buffer that is kept, in bytes: twice what SQS takes as a message, since buffers grow in steps. What is larger
// is not pinned, and could not be sent.
const maxPooledBody = 2 << 20

// body is appendBody into a string of its own.
func (t *Task[Args]) body(head *Message, args *Args, keyword bool) (body string, err error) {
	buffer, _ := bodies.Get().(*[]byte)
	encoded, err := t.appendBody((*buffer)[:0], head, args, keyword)
	if err == nil {
		body = string(encoded)
	}
	if *buffer = encoded; cap(encoded) <= maxPooledBody {
		bodies.Put(buffer)
	}
	return body, err
}
