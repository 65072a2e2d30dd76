package bench

// Message is what every contender writes and reads: the whole message of a task, with its
// arguments as a struct.
type Message[A any] struct {
	// ID is a UUID in text form.
	ID string
	// Priority is "default", "high", "low" or "bulk".
	Priority string
	// Timestamp is in ms since 1970.
	Timestamp int64
	// Headers are not nil.
	Headers map[string]string
	// Task is the name of the task.
	Task string
	// Args are the arguments.
	Args A
}

// Body is the text of a message in both forms, so that no contender pays for a conversion: the
// SDK of SQS has strings, most JSON libraries take bytes.
type Body struct {
	// Text is the message as a string.
	Text string
	// Bytes is the same text; a reader must not change it.
	Bytes []byte
}

// NewBody returns text in both forms.
func NewBody(text []byte) Body { return Body{Text: string(text), Bytes: text} }
