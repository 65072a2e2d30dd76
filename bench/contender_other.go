package bench

import "encoding/json"

// olderMessage is what the older Go library of this protocol writes: all arguments in
// kwargs, and no args.
type olderMessage[A any] struct {
	Headers  map[string]string `json:"headers"`
	ID       string            `json:"id"`
	Kwargs   *A                `json:"kwargs"`
	Metadata wireMetadata      `json:"metadata"`
	Task     string            `json:"task"`
}

func older[A any]() Contender[A] {
	return Contender[A]{
		Name: "taskhawk-go-shape", Title: "what cloudchacho/taskhawk-go writes", Kind: Rival, Foreign: true,
		Encode: func(m *Message[A]) ([]byte, error) {
			return json.Marshal(olderMessage[A]{
				Headers:  m.Headers,
				ID:       m.ID,
				Kwargs:   &m.Args,
				Metadata: metadataOf(m),
				Task:     m.Task,
			})
		},
		Decode: func(body Body, m *Message[A]) error {
			wire := olderMessage[A]{Kwargs: &m.Args}
			if err := json.Unmarshal(body.Bytes, &wire); err != nil {
				return err
			}
			m.ID, m.Task, m.Headers = wire.ID, wire.Task, wire.Headers
			m.Priority, m.Timestamp = wire.Metadata.Priority, wire.Metadata.Timestamp
			return nil
		},
	}
}

// payload is the part that users of asynq and of river leave to encoding/json: the
// arguments alone. What those two add around it, a protobuf message and a row of a table,
// is not in it, so this is less than either of them does.
func payload[A any]() Contender[A] {
	return Contender[A]{
		Name: "payload", Title: "asynq, river: the arguments alone", Kind: Part, Foreign: true, ArgumentsOnly: true,
		Encode: func(m *Message[A]) ([]byte, error) { return json.Marshal(&m.Args) },
		Decode: func(body Body, m *Message[A]) error { return json.Unmarshal(body.Bytes, &m.Args) },
	}
}
