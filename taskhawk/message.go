package taskhawk

import (
	"log/slog"
	"time"
)

// FormatVersion is the version of the message format that this package writes, and the only one it reads.
const FormatVersion = "1.0"

// Message is one run of a task in the form that goes on the wire, the format of the Python library:
//
//	{"id":"...","metadata":{"priority":"high","timestamp":1460868253255,"version":"1.0"},
//	 "headers":{},"task":"tasks.send_email","args":["a@b.c"],"kwargs":{"subject":"hi"}}
//
// MarshalJSON writes and [ParseMessage] reads it.
type Message struct { //nolint:recvcheck // written by value, read into a pointer, as encoding/json wants them
	// ID identifies the run. Any text that is not empty; Dispatch makes a UUID.
	ID string
	// Priority is what the task was dispatched with.
	Priority Priority
	// Timestamp is when, by the sender's clock; on the wire in ms since 1970.
	Timestamp time.Time
	// Headers are the headers, nil when there are none; on reading, a value that is not a string keeps its JSON text.
	Headers Headers
	// Task is the name of the task.
	Task string
	// Args is the JSON array of the positional arguments; empty means none.
	Args string
	// Kwargs is the JSON object of the keyword arguments; empty means none.
	Kwargs string
}

// LogValue gives log/slog what is safe to log: no header and no argument.
func (m Message) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("id", clip(m.ID)),
		slog.String("task", clip(m.Task)),
		slog.String("priority", m.Priority.String()),
	)
}
