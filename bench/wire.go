package bench

// wireMessage is the message as a struct that a JSON library writes and reads in one
// call, its members in the order of the format.
type wireMessage[Args, Kwargs any] struct {
	ID       string            `json:"id"`
	Metadata wireMetadata      `json:"metadata"`
	Headers  map[string]string `json:"headers"`
	Task     string            `json:"task"`
	Args     Args              `json:"args"`
	Kwargs   Kwargs            `json:"kwargs"`
}

type wireMetadata struct {
	Priority  string `json:"priority"`
	Timestamp int64  `json:"timestamp"`
	Version   string `json:"version"`
}

// wireOf returns the message that has the head of m.
func wireOf[Args, Kwargs, A any](m *Message[A], args Args, kwargs Kwargs) *wireMessage[Args, Kwargs] {
	return &wireMessage[Args, Kwargs]{
		ID: m.ID, Metadata: metadataOf(m), Headers: m.Headers, Task: m.Task, Args: args, Kwargs: kwargs,
	}
}

func metadataOf[A any](m *Message[A]) wireMetadata {
	return wireMetadata{Priority: m.Priority, Timestamp: m.Timestamp, Version: "1.0"}
}

// copyHead copies all but the arguments to m.
func copyHead[A, Args, Kwargs any](m *Message[A], w *wireMessage[Args, Kwargs]) {
	m.ID, m.Task, m.Headers = w.ID, w.Task, w.Headers
	m.Priority, m.Timestamp = w.Metadata.Priority, w.Metadata.Timestamp
}
