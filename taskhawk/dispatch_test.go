package taskhawk_test

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/codec"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// bubbleStart is what time.Now says at the start of a synctest bubble, in ms: midnight
// UTC 2000-01-01.
const bubbleStart = "946684800000"

// head returns what is before "args" in the message of tasks.send_email with the id i1,
// dispatched at bubbleStart.
func head(priority, headers string) string {
	return `{"id":"i1","metadata":{"priority":"` + priority + `","timestamp":` + bubbleStart +
		`,"version":"1.0"},"headers":` + headers + `,"task":"tasks.send_email",`
}

func TestDispatchWritesTheFormat(t *testing.T) {
	t.Parallel()
	from := "me@x.y"
	for _, c := range []struct {
		name    string
		args    emailArgs
		options []taskhawk.DispatchOption
		want    string
	}{
		{
			"required arguments by position", emailArgs{To: "a@b.c", Subject: "hi"}, nil,
			head("default", `{}`) + `"args":["a@b.c","hi"],"kwargs":{}}`,
		},
		{
			"optional arguments by name", emailArgs{To: "a@b.c", FromEmail: &from}, nil,
			head("default", `{}`) + `"args":["a@b.c",""],"kwargs":{"from_email":"me@x.y"}}`,
		},
		{
			"all by name", emailArgs{To: "a@b.c", Subject: "hi", FromEmail: &from},
			[]taskhawk.DispatchOption{taskhawk.WithKeywordArgs()},
			head("default", `{}`) + `"args":[],"kwargs":{"to":"a@b.c","subject":"hi","from_email":"me@x.y"}}`,
		},
		{
			"headers in the order of their names", emailArgs{},
			[]taskhawk.DispatchOption{taskhawk.WithHeaders(taskhawk.Headers{"z": "1", "b": "2", "a": "3", "Z": "4", "é": "5"})},
			head("default", `{"Z":"4","a":"3","b":"2","z":"1","é":"5"}`) + `"args":["",""],"kwargs":{}}`,
		},
		{
			"priority", emailArgs{}, []taskhawk.DispatchOption{taskhawk.WithPriority(taskhawk.Bulk)},
			head("bulk", `{}`) + `"args":["",""],"kwargs":{}}`,
		},
		{
			"text", emailArgs{To: "Zoë 日本 😀 <b>&</b> \x7f", Subject: "\"\\\x00\b\f\n\r\t\x1b \u2028\u2029"}, nil,
			head("default", `{}`) + `"args":["Zoë 日本 😀 <b>&</b> ` + "\x7f" +
				`","\"\\\u0000\b\f\n\r\t\u001b \u2028\u2029"],"kwargs":{}}`,
		},
		{
			"characters that SQS refuses", emailArgs{To: "\ufffe\uffff\ufffd"},
			[]taskhawk.DispatchOption{taskhawk.WithHeaders(taskhawk.Headers{"\uffff": "\ufffe"})},
			head("default", `{"\uffff":"\ufffe"}`) + `"args":["\ufffe\uffff` + "\ufffd" + `",""],"kwargs":{}}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				email, publisher := newEmail(t)
				id, err := email.Dispatch(t.Context(), c.args, append(c.options, taskhawk.WithID("i1"))...)
				require.NoError(t, err)
				require.Equal(t, "i1", id)
				out := publisher.last(t)
				require.Equal(t, c.want, out.Body)
				require.True(t, json.Valid([]byte(out.Body)))

				msg, err := taskhawk.ParseMessage(out.Body)
				require.NoError(t, err)
				back, err := email.Bind(msg)
				require.NoError(t, err)
				require.Equal(t, c.args, back)
			})
		})
	}
}

func TestDispatchTellsThePublisherHowToSend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		email, publisher := newEmail(t)
		time.Sleep(1500 * time.Microsecond)
		id, err := email.Dispatch(t.Context(), emailArgs{},
			taskhawk.WithID("i1"), taskhawk.WithPriority(taskhawk.High), taskhawk.WithDelay(90*time.Second),
			taskhawk.WithGroup("tenant-1"), taskhawk.WithDeduplicationID("d1"), taskhawk.WithHeaders(taskhawk.Headers{"a": "1"}))
		require.NoError(t, err)
		out := publisher.last(t)
		require.Contains(t, out.Body, `"timestamp":946684800001,`, "whole ms, rounded down")
		out.Body = ""
		require.Equal(t, &taskhawk.Outgoing{
			ID: id, Task: "tasks.send_email", Priority: taskhawk.High, Headers: taskhawk.Headers{"a": "1"},
			Delay: 90 * time.Second, Group: "tenant-1", DeduplicationID: "d1",
		}, out)
	})
}

func TestDispatchMakesRandomIDs(t *testing.T) {
	t.Parallel()
	email, publisher := newEmail(t)
	seen := map[string]bool{}
	for range 100 {
		id, err := email.Dispatch(t.Context(), emailArgs{})
		require.NoError(t, err)
		require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, id)
		require.False(t, seen[id])
		seen[id] = true
		require.Equal(t, id, publisher.last(t).ID)
		msg, err := taskhawk.ParseMessage(publisher.last(t).Body)
		require.NoError(t, err)
		require.Equal(t, id, msg.ID)
	}
}

func TestDispatchedBodiesShareNoMemory(t *testing.T) {
	t.Parallel()
	email, publisher := newEmail(t)
	subjects := []string{"first", "a second that is longer", "", "3", "a fourth that is longer still"}
	for _, subject := range subjects {
		_, err := email.Dispatch(t.Context(), emailArgs{Subject: subject})
		require.NoError(t, err)
		_, err = email.Dispatch(t.Context(), emailArgs{Subject: "\xff"})
		require.Error(t, err, "a failed dispatch gives its buffer back too")
	}
	for i, out := range publisher.published() {
		msg, err := taskhawk.ParseMessage(out.Body)
		require.NoError(t, err)
		args, err := email.Bind(msg)
		require.NoError(t, err)
		require.Equal(t, subjects[i], args.Subject)
		require.Equal(t, out.ID, msg.ID)
	}
}

func TestDispatchKeepsNumbersExact(t *testing.T) {
	t.Parallel()
	type numbers struct {
		Big   uint64
		Least int64
		Ratio float64
		Free  json.Number
	}
	task := taskhawk.New[numbers]("tasks.numbers", nil)
	publisher := &fakePublisher{}
	newHub(t, taskhawk.Config{Publisher: publisher, Tasks: []taskhawk.AnyTask{task}})
	want := numbers{math.MaxUint64, math.MinInt64, 5e-324, "10000000000000000000000000000000000000001"}
	_, err := task.Dispatch(t.Context(), want)
	require.NoError(t, err)
	body := publisher.last(t).Body
	require.Contains(t, body,
		`"args":[18446744073709551615,-9223372036854775808,5e-324,10000000000000000000000000000000000000001]`)
	msg, err := taskhawk.ParseMessage(body)
	require.NoError(t, err)
	got, err := task.Bind(msg)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestSyncRunsTheTaskInsideDispatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		var got []any
		var metadata taskhawk.Metadata
		task := taskhawk.New("t", func(ctx context.Context, args struct{ Any []any }) error {
			got, metadata = args.Any, taskhawk.MetadataFrom(ctx)
			require.Equal(t, "value", ctx.Value(key{}))
			require.ErrorIs(t, taskhawk.ExtendVisibility(ctx, time.Minute), taskhawk.ErrNoVisibility)
			require.WithinDuration(t, time.Now(), taskhawk.DeliveryFrom(ctx).Received, 0)
			return nil
		})
		middleware := 0
		newHub(t, taskhawk.Config{
			Sync: true, Tasks: []taskhawk.AnyTask{task},
			Middleware: []taskhawk.Middleware{func(next taskhawk.Handler) taskhawk.Handler { middleware++; return next }},
		})
		id, err := task.Dispatch(context.WithValue(t.Context(), key{}, "value"), struct{ Any []any }{[]any{1, true}},
			taskhawk.WithPriority(taskhawk.Low), taskhawk.WithHeaders(taskhawk.Headers{"a": "1"}), taskhawk.WithDelay(time.Hour))
		require.NoError(t, err)
		require.Equal(t, []any{1.0, true}, got, "as JSON brings it, not as it was passed")
		require.Equal(t, 1, middleware)
		require.Equal(t, taskhawk.Metadata{
			ID: id, Task: "t", Priority: taskhawk.Low, Headers: taskhawk.Headers{"a": "1"}, Version: "1.0", Attempt: 1, MessageID: id,
			Timestamp: time.Now().UTC(),
		}, metadata)
	})
}

func TestSyncReturnsWhatTheTaskReturns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		returns error
		fails   bool
	}{
		"nil":       {nil, false},
		"failure":   {errDown, true},
		"retry":     {taskhawk.Retry(errDown), true},
		"permanent": {taskhawk.Permanent(errDown), true},
		"ignored":   {taskhawk.Ignore(errDown), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			task := taskhawk.New("t", func(context.Context, struct{}) error { return c.returns })
			newHub(t, taskhawk.Config{Sync: true, Tasks: []taskhawk.AnyTask{task}})
			id, err := task.Dispatch(t.Context(), struct{}{})
			require.NotEmpty(t, id)
			require.Equal(t, c.fails, err != nil)
			if c.fails {
				require.ErrorIs(t, err, errDown)
				require.ErrorContains(t, err, "taskhawk: dispatch t: ")
				require.Equal(t, taskhawk.OutcomeOf(c.returns).Action, taskhawk.OutcomeOf(err).Action)
			}
		})
	}
}

func TestSyncFindsWhatAQueueWould(t *testing.T) {
	t.Parallel()
	type checked struct {
		To string `validate:"email"`
	}
	panics := taskhawk.New("panics", func(context.Context, struct{}) error { panic(1) })
	invalid := taskhawk.New("checked", func(context.Context, checked) error { return nil })
	sender := taskhawk.New[struct{}]("sender", nil)
	newHub(t, taskhawk.Config{Sync: true, Tasks: []taskhawk.AnyTask{panics, invalid, sender}})
	_, err := panics.Dispatch(t.Context(), struct{}{})
	var panicked *taskhawk.PanicError
	require.ErrorAs(t, err, &panicked)
	_, err = invalid.Dispatch(t.Context(), checked{})
	var broken *taskhawk.ValidationError
	require.ErrorAs(t, err, &broken)
	_, err = sender.Dispatch(t.Context(), struct{}{})
	require.ErrorIs(t, err, taskhawk.ErrNoHandler)
}

func TestSyncNests(t *testing.T) {
	t.Parallel()
	var ran []string
	inner := taskhawk.New("inner", func(ctx context.Context, args struct{ N int }) error {
		ran = append(ran, taskhawk.MetadataFrom(ctx).ID)
		if args.N == 2 {
			return errDown
		}
		return nil
	})
	outer := taskhawk.New("outer", func(ctx context.Context, _ struct{}) error {
		_, err := inner.Dispatch(ctx, struct{ N int }{1}, taskhawk.WithID("inner"))
		require.NoError(t, err)
		ran = append(ran, taskhawk.MetadataFrom(ctx).ID)
		_, err = inner.DispatchAll(ctx, []struct{ N int }{{1}, {2}})
		return err
	})
	newHub(t, taskhawk.Config{Sync: true, Tasks: []taskhawk.AnyTask{inner, outer}})
	_, err := outer.Dispatch(t.Context(), struct{}{}, taskhawk.WithID("outer"))
	require.ErrorIs(t, err, errDown)
	var batch *taskhawk.BatchError
	require.ErrorAs(t, err, &batch)
	require.Equal(t, 2, batch.Total)
	require.Contains(t, batch.Failed, 1)
	require.Len(t, ran, 4)
	require.Equal(t, []string{"inner", "outer"}, ran[:2])
}

// Keywords only, by the hub, by the task and by the call; the nearest one wins.
func TestKeywordArgsOfAHub(t *testing.T) {
	t.Parallel()
	publisher := &fakePublisher{}
	email := taskhawk.New[emailArgs]("tasks.send_email", nil)
	positional := taskhawk.New[emailArgs]("tasks.positional", nil, taskhawk.WithPositionalArgs())
	newHub(t, taskhawk.Config{Publisher: publisher, KeywordArgs: true, Tasks: []taskhawk.AnyTask{email, positional}})
	for _, c := range []struct {
		task    *taskhawk.Task[emailArgs]
		options []taskhawk.DispatchOption
		keyword bool
	}{
		{email, nil, true},
		{email, []taskhawk.DispatchOption{taskhawk.WithPositionalArgs()}, false},
		{positional, nil, false},
		{positional, []taskhawk.DispatchOption{taskhawk.WithKeywordArgs()}, true},
		{positional.With(taskhawk.WithKeywordArgs()), nil, true},
	} {
		_, err := c.task.Dispatch(t.Context(), emailArgs{To: "a@example.com"}, c.options...)
		require.NoError(t, err)
		require.Equal(t, c.keyword, strings.Contains(publisher.last(t).Body, `"args":[],"kwargs":{"to":"a@example.com"`), publisher.last(t).Body)
	}
}

func TestDispatchSendsNothingInAContextThatHasEnded(t *testing.T) {
	t.Parallel()
	email, publisher := newEmail(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		_, err := email.Dispatch(ctx, emailArgs{To: "a@example.com"})
		require.ErrorIs(t, err, context.Canceled)
		_, err = email.DispatchAll(ctx, make([]emailArgs, 2))
		require.ErrorIs(t, err, context.Canceled)
	}
	require.Empty(t, publisher.published())
}

func TestTasksHaveASignature(t *testing.T) {
	t.Parallel()
	var task taskhawk.AnyTask = taskhawk.New[emailArgs]("tasks.send_email", nil)
	signature := task.Signature()
	require.Equal(t, "to", signature[0].Name)
	require.Equal(t, codec.Positional, signature[0].Kind)
}
