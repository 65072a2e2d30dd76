package taskhawk_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestSavedInvocationsDoNotLeak(t *testing.T) {
	t.Parallel()
	email, publisher := newEmail(t)
	headersOf := func(task *taskhawk.Task[emailArgs], options ...taskhawk.DispatchOption) taskhawk.Headers {
		_, err := task.Dispatch(t.Context(), emailArgs{}, options...)
		require.NoError(t, err)
		return publisher.last(t).Headers
	}

	// In the Python library, with_headers on a saved invocation changes the saved one.
	saved := email.WithHeaders(taskhawk.Headers{"a": "1"})
	first := saved.WithHeaders(taskhawk.Headers{"b": "2"}).WithPriority(taskhawk.High)
	second := saved.WithHeaders(taskhawk.Headers{"a": "3", "c": "4"})
	for range 2 {
		require.Equal(t, taskhawk.Headers{"a": "1"}, headersOf(saved))
		require.Equal(t, taskhawk.Default, publisher.last(t).Priority)
		require.Equal(t, taskhawk.Headers{"a": "1", "b": "2"}, headersOf(first))
		require.Equal(t, taskhawk.High, publisher.last(t).Priority)
		require.Equal(t, taskhawk.Headers{"a": "3", "c": "4"}, headersOf(second))
		require.Equal(t, taskhawk.Headers{"a": "1", "d": "5"}, headersOf(saved, taskhawk.WithHeaders(taskhawk.Headers{"d": "5"})))
		require.Empty(t, headersOf(email))
	}
}

func TestMapsOfTheCallerDoNotLeak(t *testing.T) {
	t.Parallel()
	ours, theirs := taskhawk.Headers{"a": "1"}, taskhawk.Headers{"d": "1"}
	task := taskhawk.New[emailArgs]("tasks.send_email", nil, taskhawk.WithHeaders(ours))
	publisher := &fakePublisher{}
	ctx := taskhawk.ContextWithHub(t.Context(), newHub(t, taskhawk.Config{
		Publisher:      publisher,
		DefaultHeaders: func(context.Context, string) taskhawk.Headers { return theirs },
	}))
	option := taskhawk.WithHeaders(ours)
	saved := task.With(option)
	ours["a"], ours["x"] = "changed", "new"

	for _, dispatched := range []*taskhawk.Task[emailArgs]{task, saved, task.With(option)} {
		_, err := dispatched.Dispatch(ctx, emailArgs{})
		require.NoError(t, err)
		require.Equal(t, taskhawk.Headers{"a": "1", "d": "1"}, publisher.last(t).Headers)
	}
	sent := publisher.last(t)
	_, err := taskhawk.New[emailArgs]("tasks.bare", nil).Dispatch(ctx, emailArgs{})
	require.NoError(t, err)
	theirs["d"] = "changed"
	require.Equal(t, "1", sent.Headers["d"])
	require.Equal(t, "1", publisher.last(t).Headers["d"], "also where no other headers are")
	require.Len(t, theirs, 1, "the map of DefaultHeaders is not written to")
}

// The results of DefaultHeaders and WithIDs for one dispatch must not reach the next.
func TestDispatchesOfATaskShareNothing(t *testing.T) {
	t.Parallel()
	email, publisher := taskhawk.New[emailArgs]("tasks.send_email", nil), &fakePublisher{}
	calls := 0
	newHub(t, taskhawk.Config{
		Publisher: publisher, Tasks: []taskhawk.AnyTask{email},
		DefaultHeaders: func(context.Context, string) taskhawk.Headers {
			calls++
			return taskhawk.Headers{fmt.Sprint("call-", calls): "1"}
		},
	})
	saved := email.With(taskhawk.WithIDs(func(i int) string { return fmt.Sprint("run-", i) }))
	for i, task := range []*taskhawk.Task[emailArgs]{email, saved, email} {
		_, err := task.Dispatch(t.Context(), emailArgs{})
		require.NoError(t, err)
		require.Equal(t, taskhawk.Headers{fmt.Sprint("call-", i+1): "1"}, publisher.last(t).Headers)
		require.Equal(t, task == saved, publisher.last(t).ID == "run-0")
	}
}

func TestOptionsWinInTheirOrder(t *testing.T) {
	t.Parallel()
	task := taskhawk.New[emailArgs]("tasks.send_email", nil,
		taskhawk.WithPriority(taskhawk.Low), taskhawk.WithDelay(time.Second), taskhawk.WithGroup("new"),
		taskhawk.WithHeaders(taskhawk.Headers{"a": "new", "b": "new", "c": "new"}),
		taskhawk.WithHeaders(taskhawk.Headers{"b": "newer", "c": "newer"}),
	)
	publisher := &fakePublisher{}
	newHub(t, taskhawk.Config{
		Publisher: publisher, Tasks: []taskhawk.AnyTask{task},
		DefaultHeaders: func(_ context.Context, name string) taskhawk.Headers {
			return taskhawk.Headers{"a": "default", "task": name}
		},
	})
	dispatch := func(task *taskhawk.Task[emailArgs], options ...taskhawk.DispatchOption) *taskhawk.Outgoing {
		_, err := task.Dispatch(t.Context(), emailArgs{}, options...)
		require.NoError(t, err)
		return publisher.last(t)
	}

	out := dispatch(task)
	require.Equal(t, taskhawk.Low, out.Priority)
	require.Equal(t, time.Second, out.Delay)
	require.Equal(t, "new", out.Group)
	require.Equal(t, taskhawk.Headers{"a": "new", "b": "newer", "c": "newer", "task": "tasks.send_email"}, out.Headers)

	chained := task.With(taskhawk.WithPriority(taskhawk.Bulk), taskhawk.WithGroup("chain"), taskhawk.WithDeduplicationID("chain")).
		WithHeaders(taskhawk.Headers{"c": "chain"})
	out = dispatch(chained)
	require.Equal(t, taskhawk.Bulk, out.Priority)
	require.Equal(t, "chain", out.Group)
	require.Equal(t, "chain", out.DeduplicationID)
	require.Equal(t, taskhawk.Headers{"a": "new", "b": "newer", "c": "chain", "task": "tasks.send_email"}, out.Headers)

	out = dispatch(chained, taskhawk.WithPriority(taskhawk.Low), taskhawk.WithPriority(taskhawk.High), taskhawk.WithDelay(0),
		taskhawk.WithDeduplicationID("call"), taskhawk.WithHeaders(taskhawk.Headers{"c": "call"}))
	require.Equal(t, taskhawk.High, out.Priority)
	require.Zero(t, out.Delay)
	require.Equal(t, "call", out.DeduplicationID)
	require.Equal(t, "call", out.Headers["c"])
}

func TestWithHandlerIsTheSameTask(t *testing.T) {
	t.Parallel()
	declared := taskhawk.New[emailArgs]("tasks.send_email", nil)
	var got emailArgs
	served := declared.WithHandler(func(_ context.Context, args emailArgs) error {
		got = args
		return nil
	})
	require.Equal(t, "tasks.send_email", served.Name())
	newHub(t, taskhawk.Config{Sync: true, Tasks: []taskhawk.AnyTask{served}})
	_, err := declared.Dispatch(t.Context(), emailArgs{To: "a@b.c"})
	require.NoError(t, err)
	require.Equal(t, emailArgs{To: "a@b.c"}, got)

	unserved := taskhawk.New[emailArgs]("tasks.other", nil)
	_ = unserved.WithHandler(func(context.Context, emailArgs) error { return nil })
	newHub(t, taskhawk.Config{Sync: true, Tasks: []taskhawk.AnyTask{unserved}})
	_, err = unserved.Dispatch(t.Context(), emailArgs{})
	require.ErrorIs(t, err, taskhawk.ErrNoHandler, "the original is as it was")
	require.EqualError(t, err, `taskhawk: dispatch tasks.other: "tasks.other": `+taskhawk.ErrNoHandler.Error())
}

func TestBindReturnsTheArgumentsOfAMessage(t *testing.T) {
	t.Parallel()
	type checked struct {
		To string `validate:"email"`
	}
	task := taskhawk.New[checked]("tasks.checked", nil)
	args, err := task.Bind(&taskhawk.Message{Args: `["a@b.c"]`})
	require.NoError(t, err)
	require.Equal(t, checked{To: "a@b.c"}, args)

	_, err = task.Bind(&taskhawk.Message{Task: "another", Kwargs: `{"to":"nobody"}`})
	var invalid *taskhawk.ValidationError
	require.ErrorAs(t, err, &invalid)
	_, err = task.Bind(&taskhawk.Message{})
	var unbound *taskhawk.ArgumentError
	require.ErrorAs(t, err, &unbound)
	require.Equal(t, "to", unbound.Param)
}
