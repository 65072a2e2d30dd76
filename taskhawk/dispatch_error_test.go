package taskhawk_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/codec"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestDispatchWithoutAHub(t *testing.T) {
	t.Parallel()
	task := taskhawk.New[emailArgs]("tasks.alone", nil)
	id, err := task.Dispatch(t.Context(), emailArgs{})
	require.ErrorIs(t, err, taskhawk.ErrNoHub)
	require.EqualError(t, err, "taskhawk: dispatch tasks.alone: "+taskhawk.ErrNoHub.Error())
	require.Empty(t, id)
}

func TestDispatchWithTwoHubs(t *testing.T) {
	t.Parallel()
	task, publisher := newEmail(t)
	other := &fakePublisher{}
	hub := newHub(t, taskhawk.Config{Publisher: other, Tasks: []taskhawk.AnyTask{task}})
	_, err := task.Dispatch(t.Context(), emailArgs{})
	require.ErrorIs(t, err, taskhawk.ErrAmbiguousHub)
	require.ErrorContains(t, err, "tasks.send_email")
	require.Empty(t, publisher.published())

	_, err = task.Dispatch(taskhawk.ContextWithHub(t.Context(), hub), emailArgs{})
	require.NoError(t, err)
	require.Empty(t, publisher.published())
	require.Len(t, other.published(), 1)
}

func TestDispatchWithoutAPublisher(t *testing.T) {
	t.Parallel()
	task := taskhawk.New[emailArgs]("tasks.send_email", nil)
	newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{task}})
	id, err := task.Dispatch(t.Context(), emailArgs{})
	require.ErrorIs(t, err, taskhawk.ErrNoPublisher)
	require.ErrorContains(t, err, "tasks.send_email")
	require.Empty(t, id)
}

func TestSealReturnsWhatDispatchPublishes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		task := taskhawk.New[emailArgs]("tasks.send_email", nil)
		publisher := &fakePublisher{}
		sealing := newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{task}})
		sending := newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{task}, Publisher: publisher})
		options := []taskhawk.DispatchOption{
			taskhawk.WithID("i1"), taskhawk.WithPriority(taskhawk.High), taskhawk.WithHeaders(taskhawk.Headers{"k": "v"}),
			taskhawk.WithGroup("g"), taskhawk.WithDelay(time.Second),
		}
		args := emailArgs{To: "a@b.c"}
		sealed, err := task.Seal(taskhawk.ContextWithHub(t.Context(), sealing), args, options...)
		require.NoError(t, err, "a hub without a publisher seals")
		_, err = task.Dispatch(taskhawk.ContextWithHub(t.Context(), sending), args, options...)
		require.NoError(t, err)
		require.Equal(t, []*taskhawk.Outgoing{sealed}, publisher.published())
	})
}

func TestSealRefusesWhatDispatchRefuses(t *testing.T) {
	t.Parallel()
	task, publisher := newEmail(t)
	_, err := task.Seal(t.Context(), emailArgs{To: "\xff"})
	require.ErrorContains(t, err, "taskhawk: seal tasks.send_email: ")
	_, argument := errors.AsType[*taskhawk.ArgumentError](err)
	require.True(t, argument)
	_, err = task.Seal(t.Context(), emailArgs{}, taskhawk.WithPriority(9))
	require.ErrorIs(t, err, taskhawk.ErrUnknownPriority)
	require.Empty(t, publisher.published())
}

func TestDispatchAllWithoutAPublisher(t *testing.T) {
	t.Parallel()
	task := taskhawk.New[emailArgs]("tasks.send_email", nil)
	newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{task}})
	ids, err := task.DispatchAll(t.Context(), make([]emailArgs, 2))
	require.ErrorIs(t, err, taskhawk.ErrNoPublisher)
	require.Empty(t, ids)
}

func TestDispatchRefusesBadOptionsBeforeItSends(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		option taskhawk.DispatchOption
		is     error
		text   string
	}{
		"no such priority":     {taskhawk.WithPriority(9), taskhawk.ErrUnknownPriority, "unknown priority: Priority(9)"},
		"header without a key": {taskhawk.WithHeaders(taskhawk.Headers{"": "canary"}), taskhawk.ErrHeader, "bad header: empty key"},
		"reserved header": {
			taskhawk.WithHeaders(taskhawk.Headers{"taskhawk_task": "canary"}), taskhawk.ErrHeader,
			`bad header: "taskhawk_task": keys beginning with "taskhawk_" are reserved`,
		},
		"long reserved header": {
			taskhawk.WithHeaders(taskhawk.Headers{"taskhawk_" + strings.Repeat("k", 500): "canary"}), taskhawk.ErrHeader,
			`bad header: "taskhawk_` + strings.Repeat("k", 55) + `...": keys`,
		},
		"header key not UTF-8":   {taskhawk.WithHeaders(taskhawk.Headers{"\xff": "canary"}), taskhawk.ErrHeader, "a key is not valid UTF-8"},
		"header value not UTF-8": {taskhawk.WithHeaders(taskhawk.Headers{"k": "canary\xff"}), taskhawk.ErrHeader, `"k": value is not valid UTF-8`},
		"negative delay":         {taskhawk.WithDelay(-time.Second), nil, "negative delay -1s"},
		"id not UTF-8":           {taskhawk.WithID("canary\xff"), nil, "the id is not valid UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			email, publisher := newEmail(t)
			id, err := email.Dispatch(t.Context(), emailArgs{}, c.option)
			require.ErrorContains(t, err, "taskhawk: dispatch tasks.send_email: ")
			require.ErrorContains(t, err, c.text)
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
			require.NotContains(t, err.Error(), "canary")
			require.Empty(t, id)
			require.Empty(t, publisher.published(), "nothing is sent")
		})
	}
}

func TestDispatchChecksDefaultHeaders(t *testing.T) {
	t.Parallel()
	task := taskhawk.New[emailArgs]("tasks.send_email", nil)
	publisher := &fakePublisher{}
	newHub(t, taskhawk.Config{
		Publisher: publisher, Tasks: []taskhawk.AnyTask{task},
		DefaultHeaders: func(context.Context, string) taskhawk.Headers { return taskhawk.Headers{"taskhawk_x": "1"} },
	})
	_, err := task.Dispatch(t.Context(), emailArgs{})
	require.ErrorIs(t, err, taskhawk.ErrHeader)
	require.Empty(t, publisher.published())
}

func TestDispatchRefusesArgumentsThatAreInvalid(t *testing.T) {
	t.Parallel()
	type checked struct {
		To string `validate:"required,email"`
	}
	task := taskhawk.New[checked]("tasks.checked", nil)
	publisher := &fakePublisher{}
	newHub(t, taskhawk.Config{Publisher: publisher, Tasks: []taskhawk.AnyTask{task}})
	id, err := task.Dispatch(t.Context(), checked{To: "canary"})
	var invalid *taskhawk.ValidationError
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, "tasks.checked", invalid.Task)
	require.Equal(t, []taskhawk.FieldError{{Field: "To", Rule: "email"}}, invalid.Fields)
	require.EqualError(t, err, "taskhawk: dispatch tasks.checked: arguments of tasks.checked: To breaks email")
	require.Empty(t, id)
	require.Empty(t, publisher.published())

	_, err = task.Dispatch(t.Context(), checked{To: "a@b.c"})
	require.NoError(t, err)
}

func TestDispatchRefusesArgumentsWithoutAForm(t *testing.T) {
	t.Parallel()
	type args struct {
		Ratio float64
		Names map[string][]string
		Raw   json.RawMessage
		Any   any `taskhawk:"any,optional"`
	}
	for name, c := range map[string]struct {
		args        args
		param, path string
		is          error
	}{
		"NaN":           {args{Ratio: math.NaN(), Raw: json.RawMessage(`1`)}, "ratio", "args[0]", codec.ErrUnsupportedValue},
		"infinity":      {args{Ratio: math.Inf(-1), Raw: json.RawMessage(`1`)}, "ratio", "args[0]", codec.ErrUnsupportedValue},
		"invalid UTF-8": {args{Names: map[string][]string{"canary": {"a", "canary\xff"}}}, "names", "args[1][*][1]", codec.ErrInvalidUTF8},
		"bad raw JSON":  {args{Raw: json.RawMessage(`{"canary":`)}, "raw", "args[2]", codec.ErrUnsupportedValue},
		"channel":       {args{Raw: json.RawMessage(`1`), Any: make(chan int)}, "any", "kwargs.any", codec.ErrUnsupportedValue},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			task := taskhawk.New[args]("tasks.args", nil)
			publisher := &fakePublisher{}
			newHub(t, taskhawk.Config{Publisher: publisher, Tasks: []taskhawk.AnyTask{task}})
			id, err := task.Dispatch(t.Context(), c.args)
			var unbound *taskhawk.ArgumentError
			require.ErrorAs(t, err, &unbound)
			require.Equal(t, "tasks.args", unbound.Task)
			require.Equal(t, c.param, unbound.Param)
			require.Equal(t, c.path, unbound.Path)
			require.ErrorIs(t, err, c.is)
			require.ErrorContains(t, err, "taskhawk: dispatch tasks.args: arguments of tasks.args: ")
			require.ErrorContains(t, err, c.param)
			require.NotContains(t, err.Error(), "canary")
			require.Empty(t, id)
			require.Empty(t, publisher.published())
		})
	}
}

func TestDispatchKeepsTheIDWhenThePublisherFails(t *testing.T) {
	t.Parallel()
	email, publisher := newEmail(t)
	publisher.err = errDown
	id, err := email.Dispatch(t.Context(), emailArgs{To: "a@b.c"})
	require.ErrorIs(t, err, errDown)
	require.EqualError(t, err, "taskhawk: dispatch tasks.send_email: the service is down")
	require.Equal(t, publisher.last(t).ID, id)
	require.NotEmpty(t, id)

	publisher.err = nil
	again, err := email.Dispatch(t.Context(), emailArgs{To: "a@b.c"}, taskhawk.WithID(id))
	require.NoError(t, err)
	require.Equal(t, id, again, "a repeat with the same id")
	require.Len(t, publisher.published(), 2)
}
