package taskhawktest

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func (t *transportTest) hides() {
	t.publish(1)
	first := t.receiveOne()
	start := time.Now()
	require.Empty(t, t.receive())
	second := t.receiveOne()
	require.InDelta(t, Visibility.Seconds(), time.Since(start).Seconds(), 2)
	require.Equal(t, first.MessageID, second.MessageID)
	require.Equal(t, 2, second.Attempt)
}

func (t *transportTest) deletes() {
	t.publish(1)
	require.NoError(t, t.queue(taskhawk.Default).Delete(t.Context(), t.receiveOne()))
	time.Sleep(2 * Visibility)
	require.Empty(t, t.receive())
}

func (t *transportTest) givesBack() {
	t.publish(1)
	first := t.receiveOne()
	require.NoError(t, first.Settler.SetVisibility(t.Context(), first, 0))
	start := time.Now()
	require.Equal(t, 2, t.receiveOne().Attempt)
	require.Less(t, time.Since(start), time.Second)
}

func (t *transportTest) extends() {
	t.publish(1)
	start := time.Now()
	d := t.receiveOne()
	time.Sleep(20 * time.Second)
	require.NoError(t, d.Settler.SetVisibility(t.Context(), d, time.Hour))
	for {
		if again := t.receive(); len(again) > 0 {
			break
		}
		require.Less(t, time.Since(start), 2*time.Hour)
	}
	require.InDelta(t, (time.Hour + 20*time.Second).Seconds(), time.Since(start).Seconds(), 2, "counted from the call")
}

func (t *transportTest) refusesToExtend() {
	t.publish(1)
	d := t.receiveOne()
	if d.LeaseEnds.IsZero() {
		return // a transport without such an end
	}
	tooLong := time.Until(d.LeaseEnds) + time.Minute
	require.Error(t, d.Settler.SetVisibility(t.Context(), d, tooLong))
	require.NoError(t, d.Settler.SetVisibility(t.Context(), d, time.Minute), "the lease is not lost by it")
}

func (t *transportTest) delays() {
	out := outgoing(1, taskhawk.Default)
	out.Delay = 15 * time.Second
	start := time.Now()
	require.NoError(t, t.Publisher.Publish(t.Context(), out))
	t.receiveOne()
	require.InDelta(t, 15, time.Since(start).Seconds(), 1)
}

func (t *transportTest) buries() {
	out := t.publish(1)
	queue := t.queue(taskhawk.Default)
	letter := taskhawk.DeadLetter{Task: out.Task, Reason: "no such user\nat all", Attempt: 1}
	d := t.receiveOne()
	require.NoError(t, queue.DeadLetter(t.Context(), d, letter))
	t.requireDeadLetters(taskhawk.Default, out.Body)
	t.requireDeadLetters(taskhawk.High)
	require.NoError(
		t,
		d.Settler.SetVisibility(t.Context(), d, Visibility),
		"the letter is a copy: the message stays in flight",
	)
	require.NoError(t, queue.Delete(t.Context(), d))
	time.Sleep(2 * Visibility)
	require.Empty(t, t.receive())
}

func (t *transportTest) requireDeadLetters(priority taskhawk.Priority, bodies ...string) {
	letters, err := t.DeadLetters(t.Context(), priority)
	require.NoError(t, err)
	require.ElementsMatch(t, bodies, letters)
}

func (t *transportTest) buriesAfterMaxReceive() {
	out := t.publish(1)
	for attempt := range MaxReceive {
		d := t.receiveOne()
		require.Equal(t, attempt+1, d.Attempt)
		require.NoError(t, d.Settler.SetVisibility(t.Context(), d, 0))
	}
	require.Empty(t, t.receive())
	t.requireDeadLetters(taskhawk.Default, out.Body)
}
