package taskhawk_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/codec"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestHandleRunsTheTaskOfTheMessage(t *testing.T) {
	t.Parallel()
	var ran []string
	note := func(name string) func(context.Context, struct{ Text string }) error {
		return func(_ context.Context, args struct{ Text string }) error {
			ran = append(ran, name+" "+args.Text)
			return nil
		}
	}
	hub := newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{
		taskhawk.New("tasks.a", note("a")), taskhawk.New("tasks.b", note("b")),
	}})
	require.NoError(t, hub.Handle(t.Context(), delivery("tasks.b", `"1"`)))
	require.NoError(t, hub.Handle(t.Context(), delivery("tasks.a", `"2"`)))
	require.Equal(t, []string{"b 1", "a 2"}, ran)
}

func TestHandleReturnsTheErrorOfTheHandler(t *testing.T) {
	t.Parallel()
	hub := newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{
		taskhawk.New("t", func(context.Context, struct{}) error { return taskhawk.Permanent(errDown) }),
	}})
	err := hub.Handle(t.Context(), delivery("t", ""))
	require.ErrorIs(t, err, errDown)
	require.Equal(t, taskhawk.ActionDeadLetter, taskhawk.OutcomeOf(err).Action)
}

func TestHandleRunsNothingThatItCannotRun(t *testing.T) {
	t.Parallel()
	type checked struct {
		To string `validate:"email"`
	}
	ran := func(context.Context, checked) error { panic("the handler ran") }
	hub := newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{
		taskhawk.New("tasks.checked", ran), taskhawk.New[checked]("tasks.sender", nil),
	}})
	for name, c := range map[string]struct {
		delivery *taskhawk.Delivery
		is       error
		as       any
		text     string
	}{
		"unreadable":        {&taskhawk.Delivery{Body: "canary"}, nil, new(*taskhawk.MessageError), "not a taskhawk message: the body is not a JSON object"},
		"empty":             {&taskhawk.Delivery{}, nil, new(*taskhawk.MessageError), "the body is not a JSON object"},
		"unknown":           {delivery("tasks.nope", ""), taskhawk.ErrUnknownTask, nil, `unknown task "tasks.nope"`},
		"unknown, long":     {delivery(strings.Repeat("n", 5000), ""), taskhawk.ErrUnknownTask, nil, `unknown task "` + strings.Repeat("n", 64) + `..."`},
		"unknown, hostile":  {delivery(`a\n\u001b[31m`, ""), taskhawk.ErrUnknownTask, nil, `unknown task "a\n\x1b[31m"`},
		"no handler":        {delivery("tasks.sender", `"a@b.c"`), taskhawk.ErrNoHandler, nil, `"tasks.sender": the task has no handler here`},
		"too many args":     {delivery("tasks.checked", `"a@b.c","canary"`), codec.ErrTooManyArgs, new(*taskhawk.ArgumentError), "arguments of tasks.checked: "},
		"wrong type":        {delivery("tasks.checked", `{"canary":1}`), codec.ErrWrongType, new(*taskhawk.ArgumentError), "args[0]"},
		"missing":           {delivery("tasks.checked", ""), codec.ErrMissing, new(*taskhawk.ArgumentError), "parameter to"},
		"invalid arguments": {delivery("tasks.checked", `"canary"`), nil, new(*taskhawk.ValidationError), "arguments of tasks.checked: To breaks email"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := hub.Handle(t.Context(), c.delivery)
			require.ErrorContains(t, err, c.text)
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
			if c.as != nil {
				require.ErrorAs(t, err, c.as)
			}
			require.NotContains(t, err.Error(), "canary")
			require.Equal(t, taskhawk.Outcome{Action: taskhawk.ActionRetry, Err: err}, taskhawk.OutcomeOf(err),
				"it stays on its queue, until the redrive policy moves it")
		})
	}
}

func TestMetadataIsComplete(t *testing.T) {
	t.Parallel()
	var got taskhawk.Metadata
	var raw *taskhawk.Delivery
	hub := newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{
		taskhawk.New("t", func(ctx context.Context, _ struct{}) error {
			got, raw = taskhawk.MetadataFrom(ctx), taskhawk.DeliveryFrom(ctx)
			require.NotNil(t, taskhawk.HubFrom(ctx))
			return nil
		}),
	}})
	d := delivery("t", "")
	require.NoError(t, hub.Handle(t.Context(), d))
	require.Equal(t, taskhawk.Metadata{
		ID: "i1", Task: "t", Priority: taskhawk.Low, Headers: taskhawk.Headers{"h": "v"},
		Timestamp: time.UnixMilli(1460868253255).UTC(), Version: "1.0", Attempt: 3, Queue: "q1", MessageID: "m1", Receipt: "r1",
	}, got)
	require.Same(t, d, raw)

	d.Attempt = 0
	require.NoError(t, hub.Handle(t.Context(), d))
	require.Equal(t, 1, got.Attempt, "0 is read as 1")
}

func TestHandlersSeeTheContextOfTheCaller(t *testing.T) {
	t.Parallel()
	type key struct{}
	hub := newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{
		taskhawk.New("t", func(ctx context.Context, _ struct{}) error {
			require.Equal(t, "value", ctx.Value(key{}))
			return ctx.Err()
		}),
	}})
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
	require.NoError(t, hub.Handle(ctx, delivery("t", "")))
	cancel()
	require.ErrorIs(t, hub.Handle(ctx, delivery("t", "")), context.Canceled)
}
