package taskhawk_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestNewHubRefusesBadConfiguration(t *testing.T) {
	t.Parallel()
	task := taskhawk.New[emailArgs]("tasks.send_email", nil)
	var none *taskhawk.Task[emailArgs]
	pass := func(next taskhawk.Handler) taskhawk.Handler { return next }
	for name, c := range map[string]struct {
		config taskhawk.Config
		want   string
	}{
		"a name twice": {
			taskhawk.Config{Tasks: []taskhawk.AnyTask{task, taskhawk.New[struct{}]("tasks.send_email", nil)}},
			"taskhawk: new hub: two tasks have one name: tasks.send_email",
		},
		"a task and its copy": {
			taskhawk.Config{Tasks: []taskhawk.AnyTask{task, task.WithPriority(taskhawk.High)}},
			"taskhawk: new hub: two tasks have one name: tasks.send_email",
		},
		"nil":           {taskhawk.Config{Tasks: []taskhawk.AnyTask{nil}}, "taskhawk: new hub: Config.Tasks has a nil task"},
		"a nil pointer": {taskhawk.Config{Tasks: []taskhawk.AnyTask{none}}, "taskhawk: new hub: Config.Tasks has a nil task"},
		"nil middleware": {
			taskhawk.Config{Middleware: []taskhawk.Middleware{pass, nil}}, "taskhawk: new hub: Config.Middleware[1] is nil",
		},
		"Sync with a publisher": {
			taskhawk.Config{Sync: true, Publisher: &fakePublisher{}},
			"taskhawk: new hub: Config has both Sync and Publisher: leave one out",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hub, err := taskhawk.NewHub(c.config)
			require.EqualError(t, err, c.want)
			require.Nil(t, hub)
		})
	}
}

func TestNewHubSaysWhichErrorADuplicateIs(t *testing.T) {
	t.Parallel()
	task := taskhawk.New[emailArgs]("tasks.send_email", nil)
	_, err := taskhawk.NewHub(taskhawk.Config{Tasks: []taskhawk.AnyTask{task, task}})
	require.ErrorIs(t, err, taskhawk.ErrDuplicateTask)
	_, err = task.Dispatch(t.Context(), emailArgs{})
	require.ErrorIs(t, err, taskhawk.ErrNoHub, "a hub that could not be made registers nothing")
}

func TestZeroConfigIsAHub(t *testing.T) {
	t.Parallel()
	hub, err := taskhawk.NewHub(taskhawk.Config{})
	require.NoError(t, err)
	require.Empty(t, hub.TaskNames())
	require.Same(t, slog.Default(), hub.Logger())
}

func TestHubTellsWhatItIsMadeOf(t *testing.T) {
	t.Parallel()
	logger, _ := newLog()
	hub := newHub(t, taskhawk.Config{Logger: logger, Tasks: []taskhawk.AnyTask{
		taskhawk.New[struct{}]("b", nil), taskhawk.New[struct{}]("a", nil), taskhawk.New[emailArgs]("c", nil),
	}})
	require.Same(t, logger, hub.Logger())
	names := hub.TaskNames()
	require.Equal(t, []string{"a", "b", "c"}, names)
	names[0] = "changed"
	require.Equal(t, "a", hub.TaskNames()[0])
}

func TestHubKeepsNoSliceOfTheCaller(t *testing.T) {
	t.Parallel()
	calls := 0
	middleware := []taskhawk.Middleware{func(next taskhawk.Handler) taskhawk.Handler {
		return func(ctx context.Context, msg *taskhawk.Message) error {
			calls++
			return next(ctx, msg)
		}
	}}
	tasks := []taskhawk.AnyTask{taskhawk.New("t", func(context.Context, struct{}) error { return nil })}
	hub := newHub(t, taskhawk.Config{Tasks: tasks, Middleware: middleware})
	tasks[0], middleware[0] = nil, nil
	require.NoError(t, hub.Handle(t.Context(), delivery("t", "")))
	require.Equal(t, 1, calls)
}
