package handlers_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/examples/service/handlers"
	"github.com/taskhawk/taskhawk-go/examples/service/tasks"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// outside answers as told and remembers what it was asked.
type outside struct {
	err      error
	pages    int
	ids      []string
	subjects []string
	imported []int
}

func (o *outside) Send(_ context.Context, id, _, subject string) error {
	o.ids, o.subjects = append(o.ids, id), append(o.subjects, subject)
	return o.err
}

func (o *outside) Import(_ context.Context, _ string, page int) (bool, error) {
	o.imported = append(o.imported, page)
	return page < o.pages, o.err
}

// syncHub runs tasks inside Dispatch.
func syncHub(t *testing.T, o *outside) context.Context {
	t.Helper()
	hub, err := taskhawk.NewHub(taskhawk.Config{Sync: true, Tasks: handlers.Handlers{Mailer: o, Feeds: o}.Tasks()})
	require.NoError(t, err)
	return taskhawk.ContextWithHub(t.Context(), hub)
}

func TestEveryTaskHasAHandler(t *testing.T) {
	t.Parallel()
	var declared, handled []string
	for _, task := range tasks.All() {
		declared = append(declared, task.Name())
	}
	for _, task := range (handlers.Handlers{}).Tasks() {
		handled = append(handled, task.Name())
	}
	require.ElementsMatch(t, declared, handled)
}

func TestWelcomeHasTheIDOfTheRun(t *testing.T) {
	t.Parallel()
	o := &outside{}
	id, err := tasks.SendWelcome.Dispatch(syncHub(t, o), tasks.SendWelcomeArgs{Email: "ann@example.com", Name: "Ann"})
	require.NoError(t, err)
	require.Equal(t, []string{id}, o.ids)
	require.Equal(t, []string{"Welcome, Ann!"}, o.subjects)
}

func TestImportGoesOnToTheLastPage(t *testing.T) {
	t.Parallel()
	o := &outside{pages: 3}
	_, err := tasks.ImportPage.Dispatch(syncHub(t, o), tasks.ImportPageArgs{Feed: "https://example.com/feed", Page: 1})
	require.NoError(t, err)
	require.Equal(t, []int{1, 2, 3}, o.imported)
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		action taskhawk.Action
		delay  time.Duration
	}{
		{handlers.ErrNoMailbox, taskhawk.ActionDeadLetter, 0},
		{handlers.ErrBusy, taskhawk.ActionRetry, time.Minute},
		{errors.New("anything else"), taskhawk.ActionRetry, 0},
	} {
		_, err := tasks.SendWelcome.Dispatch(syncHub(t, &outside{err: c.err}), tasks.SendWelcomeArgs{Email: "ann@example.com"})
		require.ErrorIs(t, err, c.err)
		require.Equal(t, c.action, taskhawk.OutcomeOf(err).Action)
		require.Equal(t, c.delay, taskhawk.OutcomeOf(err).Delay)
	}
}
