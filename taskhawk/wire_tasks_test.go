package taskhawk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/codec"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// The Go signatures of the Python functions behind the captured messages.
type (
	// send_email(to, subject, from_email=None).
	wireEmailArgs struct {
		To, Subject string
		FromEmail   *string `taskhawk:"from_email,optional"`
	}
	// echo(a=None, b=None, c=None, **kwargs).
	echoArgs struct {
		A    json.RawMessage            `taskhawk:"a,optional" json:",omitempty"`
		B    json.RawMessage            `taskhawk:"b,optional" json:",omitempty"`
		C    json.RawMessage            `taskhawk:"c,optional" json:",omitempty"`
		Rest map[string]json.RawMessage `taskhawk:",rest"      json:",omitempty"`
	}
	// urgent(n).
	urgentArgs struct{ N int }
	// meta(x, metadata, headers).
	metaArgs struct{ X int }
	// typed(n: int, flag: bool = False).
	typedArgs struct {
		N    int
		Flag bool `taskhawk:"flag,optional"`
	}
	// kwonly(*, x).
	kwonlyArgs struct {
		X int `taskhawk:"x,kw"`
	}
)

// wireWant is a line of a want file: the result of a captured message. Either Task ran,
// with all the rest, or Error.
type wireWant struct {
	Case string `json:"case"`

	Task      string            `json:"task,omitempty"`
	Args      json.RawMessage   `json:"args,omitempty"`
	Priority  string            `json:"priority,omitempty"`
	Timestamp string            `json:"timestamp,omitempty"`
	Headers   map[string]string `json:"headers,omitempty"`

	Error  string `json:"error,omitempty"`  // the name of the error type or value
	Is     string `json:"is,omitempty"`     // for an ArgumentError, what it wraps
	Field  string `json:"field,omitempty"`  // MessageError.Field or ArgumentError.Param
	Path   string `json:"path,omitempty"`   // ArgumentError.Path
	Reason string `json:"reason,omitempty"` // MessageError.Reason
}

// wireHub is a hub with all the tasks; they note in the wireWant what they were called
// with.
func wireHub(t *testing.T, got *wireWant) *taskhawk.Hub {
	t.Helper()
	return newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{
		wireTask[wireEmailArgs]("tasks.send_email", got), wireTask[echoArgs]("tasks.echo", got),
		wireTask[urgentArgs]("tasks.urgent", got).WithPriority(taskhawk.High), wireTask[struct{}]("tasks.no_args", got),
		wireTask[metaArgs]("tasks.meta", got), wireTask[typedArgs]("tasks.typed", got), wireTask[kwonlyArgs]("tasks.kwonly", got),
	}})
}

func wireTask[Args any](name string, got *wireWant) *taskhawk.Task[Args] {
	return taskhawk.New(name, func(ctx context.Context, args Args) error {
		metadata := taskhawk.MetadataFrom(ctx)
		if metadata.ID == "" || metadata.Version != "1.0" || metadata.Task != name {
			return errDown
		}
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(args); err != nil {
			return err
		}
		*got = wireWant{
			Task: name, Args: bytes.TrimSpace(text.Bytes()), Priority: metadata.Priority.String(),
			Timestamp: metadata.Timestamp.Format(time.RFC3339Nano), Headers: metadata.Headers,
		}
		return nil
	})
}

// handleWire returns the result of a body.
func handleWire(t *testing.T, text string) wireWant {
	t.Helper()
	var got wireWant
	err := wireHub(t, &got).Handle(t.Context(), &taskhawk.Delivery{Body: text})
	if err == nil {
		require.NotEmpty(t, got.Task, "nothing has run")
		return got
	}
	require.Empty(t, got.Task, "it has run and failed")
	require.Equal(t, taskhawk.ActionRetry, taskhawk.OutcomeOf(err).Action, "what cannot be run is kept")
	return describeError(t, err)
}

func describeError(t *testing.T, err error) wireWant {
	t.Helper()
	var message *taskhawk.MessageError
	var argument *taskhawk.ArgumentError
	switch {
	case errors.As(err, &message):
		return wireWant{Error: "MessageError", Field: message.Field, Reason: message.Reason}
	case errors.As(err, &argument):
		return wireWant{Error: "ArgumentError", Is: sentinelName(t, argument), Field: argument.Param, Path: argument.Path}
	}
	require.ErrorIs(t, err, taskhawk.ErrUnknownTask)
	return wireWant{Error: "ErrUnknownTask"}
}

func sentinelName(t *testing.T, err error) string {
	t.Helper()
	for name, sentinel := range map[string]error{
		"ErrTooManyArgs": codec.ErrTooManyArgs, "ErrUnknownKeyword": codec.ErrUnknownKeyword, "ErrGivenTwice": codec.ErrGivenTwice,
		"ErrMissing": codec.ErrMissing, "ErrWrongType": codec.ErrWrongType, "ErrSyntax": codec.ErrSyntax,
	} {
		if errors.Is(err, sentinel) {
			return name
		}
	}
	require.Fail(t, "no sentinel error", err)
	return ""
}
