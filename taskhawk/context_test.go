package taskhawk_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestContextWithHubChoosesTheHub(t *testing.T) {
	t.Parallel()
	email, registered := newEmail(t)
	chosen := &fakePublisher{}
	hub := newHub(t, taskhawk.Config{Publisher: chosen})
	ctx := taskhawk.ContextWithHub(t.Context(), hub)
	require.Same(t, hub, taskhawk.HubFrom(ctx))

	_, err := email.Dispatch(ctx, emailArgs{})
	require.NoError(t, err)
	require.Len(t, chosen.published(), 1, "though the task is registered with another")
	require.Empty(t, registered.published())

	_, err = email.Dispatch(taskhawk.ContextWithHub(ctx, nil), emailArgs{})
	require.NoError(t, err)
	require.Len(t, registered.published(), 1, "nil chooses none")
}

func TestContextPrintsNoValues(t *testing.T) {
	t.Parallel()
	var printed []string
	task := taskhawk.New("tasks.print", func(ctx context.Context, _ struct{}) error {
		derived, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()
		printed = append(printed, fmt.Sprintf("%v", ctx), fmt.Sprintf("%+v", derived), fmt.Sprintf("%#v", ctx))
		return nil
	})
	publisher := &fakePublisher{}
	dispatching := newHub(t, taskhawk.Config{Publisher: publisher, Tasks: []taskhawk.AnyTask{task}})
	_, err := task.WithHeaders(taskhawk.Headers{"secret": "sesame"}).Dispatch(
		taskhawk.ContextWithHub(t.Context(), dispatching), struct{}{})
	require.NoError(t, err)
	d := &taskhawk.Delivery{Body: publisher.published()[0].Body}
	require.NoError(t, newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{task}}).Handle(t.Context(), d))
	require.Equal(t, "taskhawk.scope", printed[0])
	require.Contains(t, printed[1], "taskhawk.scope.WithDeadline(")
	require.NotContains(t, printed[1], "sesame")
	require.Equal(t, "taskhawk.scope", printed[2])
}

func TestContextOutsideOfAHandler(t *testing.T) {
	t.Parallel()
	for name, ctx := range map[string]context.Context{
		"plain":      t.Context(),
		"with a hub": taskhawk.ContextWithHub(t.Context(), newHub(t, taskhawk.Config{})),
	} {
		require.Equal(t, taskhawk.Metadata{}, taskhawk.MetadataFrom(ctx), name)
		require.Nil(t, taskhawk.DeliveryFrom(ctx), name)
		require.False(t, taskhawk.LastAttempt(ctx), name)
		require.ErrorIs(t, taskhawk.ExtendVisibility(ctx, 1), taskhawk.ErrNoVisibility, name)
	}
	require.Nil(t, taskhawk.HubFrom(t.Context()))
}

func TestAHandlerDispatchesThroughItsOwnHub(t *testing.T) {
	t.Parallel()
	email, elsewhere := newEmail(t)
	here := &fakePublisher{}
	task := taskhawk.New("tasks.outer", func(ctx context.Context, _ struct{}) error {
		_, err := email.Dispatch(ctx, emailArgs{To: taskhawk.MetadataFrom(ctx).ID})
		return err
	})
	hub := newHub(t, taskhawk.Config{Publisher: here, Tasks: []taskhawk.AnyTask{task, email}})
	require.NoError(t, hub.Handle(t.Context(), delivery("tasks.outer", "")))
	require.Empty(t, elsewhere.published())
	require.Contains(t, here.last(t).Body, `"task":"tasks.send_email","args":["i1",""]`)
}

// Messages sent to the queues of a hub come back to that hub. A hub with other tasks
// only would not know their task.
func TestAHandlerDispatchesNothingThatItsHubDoesNotKnow(t *testing.T) {
	t.Parallel()
	email, elsewhere := newEmail(t)
	here := &fakePublisher{}
	task := taskhawk.New("tasks.outer", func(ctx context.Context, _ struct{}) error {
		_, err := email.Dispatch(ctx, emailArgs{})
		return err
	})
	hub := newHub(t, taskhawk.Config{Publisher: here, Tasks: []taskhawk.AnyTask{task}})
	err := hub.Handle(t.Context(), delivery("tasks.outer", ""))
	require.ErrorIs(t, err, taskhawk.ErrUnknownTask)
	require.ErrorContains(t, err, "tasks.send_email")
	require.Empty(t, elsewhere.published())
	require.Empty(t, here.published())
}

func TestAHandlerMayChooseAnotherHub(t *testing.T) {
	t.Parallel()
	email, _ := newEmail(t)
	there := &fakePublisher{}
	other := newHub(t, taskhawk.Config{Publisher: there})
	task := taskhawk.New("tasks.outer", func(ctx context.Context, _ struct{}) error {
		chosen := taskhawk.ContextWithHub(ctx, other)
		require.Equal(t, taskhawk.MetadataFrom(ctx), taskhawk.MetadataFrom(chosen), "it is the same delivery")
		require.Same(t, taskhawk.DeliveryFrom(ctx), taskhawk.DeliveryFrom(chosen))
		_, err := email.Dispatch(chosen, emailArgs{})
		return err
	})
	hub := newHub(t, taskhawk.Config{Publisher: &fakePublisher{err: errDown}, Tasks: []taskhawk.AnyTask{task}})
	require.NoError(t, hub.Handle(t.Context(), delivery("tasks.outer", "")))
	require.Len(t, there.published(), 1)
}

// fakeSettler notes how long messages are to stay invisible.
type fakeSettler struct {
	taskhawk.Settler
	err   error
	set   []time.Duration
	asked []*taskhawk.Delivery
}

func (s *fakeSettler) SetVisibility(_ context.Context, d *taskhawk.Delivery, timeout time.Duration) error {
	s.set = append(s.set, timeout)
	s.asked = append(s.asked, d)
	return s.err
}

// extend calls ExtendVisibility in a handler.
func extend(t *testing.T, settler taskhawk.Settler, by time.Duration) (*taskhawk.Delivery, error) {
	t.Helper()
	hub := newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{
		taskhawk.New("t", func(ctx context.Context, _ struct{}) error { return taskhawk.ExtendVisibility(ctx, by) }),
	}})
	d := delivery("t", "")
	d.Settler = settler
	return d, hub.Handle(t.Context(), d)
}

func TestExtendVisibilityAsksTheTransport(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{0, time.Millisecond, time.Hour} {
		settler := &fakeSettler{}
		d, err := extend(t, settler, by)
		require.NoError(t, err)
		require.Equal(t, []time.Duration{by}, settler.set, "the transport knows how to round")
		require.Same(t, d, settler.asked[0])
	}
}

func TestExtendVisibilityReportsALostLease(t *testing.T) {
	t.Parallel()
	_, err := extend(t, &fakeSettler{err: errDown}, time.Minute)
	require.ErrorIs(t, err, errDown)
	require.NotErrorIs(t, err, taskhawk.ErrNoVisibility)
	require.EqualError(t, err, "taskhawk: extend visibility: the service is down")
}

func TestExtendVisibilityRefuses(t *testing.T) {
	t.Parallel()
	_, err := extend(t, nil, time.Minute)
	require.ErrorIs(t, err, taskhawk.ErrNoVisibility, "as in Sync mode and behind SNS")
	settler := &fakeSettler{}
	_, err = extend(t, settler, -time.Second)
	require.EqualError(t, err, "taskhawk: extend visibility: negative duration -1s")
	require.Empty(t, settler.set)
}

func TestLastAttemptIsThatOfTheQueueOrOfTheTask(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		attempt, queue int
		options        []taskhawk.TaskOption
		want           bool
	}{
		{1, 0, nil, false},
		{4, 5, nil, false},
		{5, 5, nil, true},
		{2, 5, []taskhawk.TaskOption{taskhawk.WithMaxAttempts(3)}, false},
		{3, 5, []taskhawk.TaskOption{taskhawk.WithMaxAttempts(3)}, true},
		{3, 0, []taskhawk.TaskOption{taskhawk.WithMaxAttempts(3)}, true},
	} {
		var last, other bool
		task := taskhawk.New("tasks.last", func(ctx context.Context, _ struct{}) error {
			last, other = taskhawk.LastAttempt(ctx), taskhawk.LastAttempt(taskhawk.ContextWithHub(ctx, nil))
			return nil
		}, c.options...)
		d := delivery("tasks.last", "")
		d.Attempt, d.MaxAttempts = c.attempt, c.queue
		require.NoError(t, newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{task}}).Handle(t.Context(), d))
		require.Equal(t, c.want, last, "%+v", c)
		require.Equal(t, c.want && c.attempt == c.queue, other, "%+v: without a hub there is no task", c)
	}
}
