package taskhawk_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// fakeBatcher answers a batch with what answer says, and counts the calls.
type fakeBatcher struct {
	fakePublisher
	answer func(outs []*taskhawk.Outgoing) []error
	calls  int
}

func (b *fakeBatcher) PublishBatch(ctx context.Context, outs []*taskhawk.Outgoing) []error {
	b.calls++
	for _, out := range outs {
		_ = b.Publish(ctx, out)
	}
	return b.answer(outs)
}

// someEmails returns n arguments that differ.
func someEmails(n int) []emailArgs {
	all := make([]emailArgs, n)
	for i := range all {
		all[i].To = fmt.Sprint(i)
	}
	return all
}

// requireInOrder wants the published messages to be those of someEmails, with ids in the
// same order.
func requireInOrder(t *testing.T, task *taskhawk.Task[emailArgs], outs []*taskhawk.Outgoing, ids []string) {
	t.Helper()
	require.Len(t, outs, len(ids))
	for i, out := range outs {
		require.Equal(t, ids[i], out.ID)
		msg, err := taskhawk.ParseMessage(out.Body)
		require.NoError(t, err)
		args, err := task.Bind(msg)
		require.NoError(t, err)
		require.Equal(t, emailArgs{To: fmt.Sprint(i)}, args)
	}
}

func TestDispatchAllKeepsTheOrder(t *testing.T) {
	t.Parallel()
	email := taskhawk.New[emailArgs]("tasks.send_email", nil)
	one := &fakePublisher{}
	batches := &fakeBatcher{answer: func(outs []*taskhawk.Outgoing) []error { return make([]error, len(outs)) }}
	for _, publisher := range []taskhawk.Publisher{one, batches} {
		hub := newHub(t, taskhawk.Config{Publisher: publisher})
		ids, err := email.DispatchAll(taskhawk.ContextWithHub(t.Context(), hub), someEmails(23), taskhawk.WithPriority(taskhawk.Bulk))
		require.NoError(t, err)
		require.Len(t, ids, 23)
	}
	require.Equal(t, 1, batches.calls, "the publisher divides it, since it knows the limits")
	for _, p := range []*fakePublisher{one, &batches.fakePublisher} {
		outs := p.published()
		ids := make([]string, len(outs))
		for i, out := range outs {
			ids[i] = out.ID
			require.Equal(t, taskhawk.Bulk, out.Priority)
		}
		requireInOrder(t, email, outs, ids)
	}
}

func TestDispatchAllOfNothing(t *testing.T) {
	t.Parallel()
	email, publisher := newEmail(t)
	for _, none := range [][]emailArgs{nil, {}} {
		ids, err := email.DispatchAll(t.Context(), none)
		require.NoError(t, err)
		require.Empty(t, ids)
	}
	require.Empty(t, publisher.published())
}

func TestDispatchAllNamesWhatFailed(t *testing.T) {
	t.Parallel()
	email := taskhawk.New[emailArgs]("tasks.send_email", nil)
	publisher := &fakeBatcher{answer: func(outs []*taskhawk.Outgoing) []error {
		errs := make([]error, len(outs))
		errs[1], errs[3] = errDown, context.DeadlineExceeded
		return errs
	}}
	newHub(t, taskhawk.Config{Publisher: publisher, Tasks: []taskhawk.AnyTask{email}})
	ids, err := email.DispatchAll(t.Context(), someEmails(5))
	requireInOrder(t, email, publisher.published(), ids)
	var batch *taskhawk.BatchError
	require.ErrorAs(t, err, &batch)
	require.Equal(t, &taskhawk.BatchError{
		Task: "tasks.send_email", Total: 5, Failed: map[int]error{1: errDown, 3: context.DeadlineExceeded},
	}, batch)
	require.EqualError(t, err, "taskhawk: dispatch tasks.send_email: 2 of 5 failed, first [1]: the service is down")
	require.ErrorIs(t, err, errDown)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	for range 20 { // the order of a map changes from one time to the next
		require.Equal(t, []error{errDown, context.DeadlineExceeded}, batch.Unwrap(), "in the order of their indices")
	}
}

func TestDispatchAllNamesWhatFailedOneByOne(t *testing.T) {
	t.Parallel()
	email, publisher := newEmail(t)
	publisher.err = errDown
	ids, err := email.DispatchAll(t.Context(), someEmails(2))
	require.Len(t, ids, 2)
	var batch *taskhawk.BatchError
	require.ErrorAs(t, err, &batch)
	require.Equal(t, map[int]error{0: errDown, 1: errDown}, batch.Failed)
	require.Len(t, publisher.published(), 2, "one failure does not keep the others from being sent")
}

// If a decorator breaks the contract of PublishBatch, messages that are not confirmed
// must not look stored.
func TestDispatchAllTakesNoAnswerForAFailure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer []error
		failed []int
	}{
		"none":     {nil, []int{0, 1, 2}},
		"too few":  {[]error{nil, nil}, []int{2}},
		"too many": {[]error{nil, errDown, nil, errDown, errDown}, []int{1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			email := taskhawk.New[emailArgs]("tasks.send_email", nil)
			publisher := &fakeBatcher{answer: func([]*taskhawk.Outgoing) []error { return c.answer }}
			newHub(t, taskhawk.Config{Publisher: publisher, Tasks: []taskhawk.AnyTask{email}})
			ids, err := email.DispatchAll(t.Context(), someEmails(3))
			require.Len(t, ids, 3)
			var batch *taskhawk.BatchError
			require.ErrorAs(t, err, &batch)
			require.Len(t, batch.Failed, len(c.failed))
			for _, i := range c.failed {
				require.Contains(t, batch.Failed, i)
			}
		})
	}
}

func TestDispatchAllSendsNothingWhenOneIsInvalid(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string][]int{"the first": {0}, "the last": {3}, "all but one": {0, 1, 3}, "all": {0, 1, 2, 3}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			email, publisher := newEmail(t)
			all := someEmails(4)
			for _, i := range bad {
				all[i].Subject = "\xff"
			}
			ids, err := email.DispatchAll(t.Context(), all)
			require.Empty(t, ids)
			require.Empty(t, publisher.published())
			var batch *taskhawk.BatchError
			require.ErrorAs(t, err, &batch)
			require.Equal(t, 4, batch.Total)
			require.Len(t, batch.Failed, 4, "none is sent")
			require.ErrorContains(t, err, fmt.Sprintf("first [%d]: arguments of", bad[0]))
			for _, i := range bad {
				var unbound *taskhawk.ArgumentError
				require.ErrorAs(t, batch.Failed[i], &unbound)
				require.Equal(t, "args[1]", unbound.Path)
			}
		})
	}
}

func TestDispatchAllWithoutAHub(t *testing.T) {
	t.Parallel()
	_, err := taskhawk.New[emailArgs]("tasks.alone", nil).DispatchAll(t.Context(), someEmails(2))
	require.ErrorIs(t, err, taskhawk.ErrNoHub)
	require.ErrorContains(t, err, "tasks.alone")
}

func TestDispatchAllTakesAnIDForOneOnly(t *testing.T) {
	t.Parallel()
	email, publisher := newEmail(t)
	ids, err := email.DispatchAll(t.Context(), someEmails(3), taskhawk.WithID("i1"))
	require.ErrorContains(t, err, "another entry has the same id: use WithIDs")
	require.Empty(t, ids)
	require.Empty(t, publisher.published())
	ids, err = email.DispatchAll(t.Context(), someEmails(2), taskhawk.WithIDs(func(i int) string { return fmt.Sprint("run-1/", i) }))
	require.NoError(t, err)
	require.Equal(t, []string{"run-1/0", "run-1/1"}, ids)
	ids, err = email.With(taskhawk.WithID("i1")).DispatchAll(t.Context(), someEmails(1))
	require.NoError(t, err)
	require.Equal(t, []string{"i1"}, ids)
}

// The task that WithIDs was saved on is shared: a dispatch must not leave its id there.
func TestWithIDsLeavesTheTaskAlone(t *testing.T) {
	t.Parallel()
	email, _ := newEmail(t)
	saved := email.With(taskhawk.WithIDs(func(i int) string { return fmt.Sprint("run-1/", i) }))
	var senders sync.WaitGroup
	for range 8 {
		senders.Go(func() {
			ids, err := saved.DispatchAll(t.Context(), someEmails(2))
			if err != nil || !slices.Equal(ids, []string{"run-1/0", "run-1/1"}) {
				t.Errorf("ids %q, error %v", ids, err)
			}
		})
	}
	senders.Wait()
}

func TestWithIDsReturnsNoEmptyID(t *testing.T) {
	t.Parallel()
	email, publisher := newEmail(t)
	for _, ids := range []func(int) string{nil, func(i int) string { return []string{"run-1/0", ""}[i] }} {
		_, err := email.DispatchAll(t.Context(), someEmails(2), taskhawk.WithIDs(ids))
		require.ErrorContains(t, err, "WithIDs returns an empty id")
	}
	require.Empty(t, publisher.published())
}
