package bench

import (
	"slices"
	"sync"
	"time"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// ours writes and reads the message by the public functions that Dispatch and Hub.Handle
// are made of. As in Dispatch, a message in its own buffer is encoded in a pooled
// one and copied.
func ours[A, K any](w Workload[A, K]) Contender[A] {
	task := taskhawk.New[A](w.Message.Task, nil)
	appendMessage := func(dst []byte, m *Message[A]) ([]byte, error) {
		priority, err := taskhawk.ParsePriority(m.Priority)
		if err != nil {
			return dst, err
		}
		head := taskhawk.Message{
			ID:        m.ID,
			Priority:  priority,
			Timestamp: time.UnixMilli(m.Timestamp),
			Headers:   m.Headers,
		}
		return task.AppendMessage(dst, &head, &m.Args)
	}
	buffers := sync.Pool{New: func() any { return new([]byte) }}
	return Contender[A]{
		Name: "taskhawk", Title: "**taskhawk**", Kind: Ours, Append: appendMessage,
		Encode: func(m *Message[A]) ([]byte, error) {
			buffer, _ := buffers.Get().(*[]byte)
			defer buffers.Put(buffer)
			body, err := appendMessage((*buffer)[:0], m)
			*buffer = body
			return slices.Clone(body), err
		},
		Decode: func(body Body, m *Message[A]) error {
			msg, err := task.ReadMessage(body.Text, &m.Args)
			if err != nil {
				return err
			}
			m.ID, m.Task, m.Headers = msg.ID, msg.Task, msg.Headers
			m.Priority, m.Timestamp = msg.Priority.String(), msg.Timestamp.UnixMilli()
			return nil
		},
	}
}
