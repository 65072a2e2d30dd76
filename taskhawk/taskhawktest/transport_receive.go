package taskhawktest

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func (t *transportTest) delivers() {
	out := t.publish(1)
	now := time.Now()
	d := t.receiveOne()
	require.Equal(t, out.Body, d.Body)
	require.Equal(t, 1, d.Attempt)
	require.Equal(t, t.queue(taskhawk.Default).Info().Name, d.Queue)
	require.NotEmpty(t, d.MessageID)
	require.NotEmpty(t, d.Receipt)
	require.NotNil(t, d.Settler)
	require.WithinDuration(t, now, d.Received, time.Second)
	require.True(t, d.LeaseEnds.IsZero() || d.LeaseEnds.After(d.Received))
}

func (t *transportTest) keepsPrioritiesApart() {
	for n, priority := range taskhawk.Priorities() {
		require.NoError(t, t.Publisher.Publish(t.Context(), outgoing(n, priority)))
	}
	names := map[string]bool{}
	for n, priority := range taskhawk.Priorities() {
		deliveries, err := t.queue(priority).Receive(t.Context(), 10, Wait)
		require.NoError(t, err)
		require.Len(t, deliveries, 1)
		require.Equal(t, outgoing(n, priority).Headers["n"], parsed(t, deliveries[0]).ID)
		names[t.queue(priority).Info().Name] = true
	}
	require.Len(t, names, len(taskhawk.Priorities()), "each queue has its own name")
}

func parsed(t *transportTest, d *taskhawk.Delivery) *taskhawk.Message {
	msg, err := taskhawk.ParseMessage(d.Body)
	require.NoError(t, err)
	return msg
}

func (t *transportTest) waits() {
	start := time.Now()
	require.Empty(t, t.receive())
	require.InDelta(t, Wait.Seconds(), time.Since(start).Seconds(), 1, "how long Receive waited, in seconds")
}

func (t *transportTest) wakes() {
	start := time.Now()
	time.AfterFunc(3*time.Second, func() { _ = t.Publisher.Publish(t.Context(), outgoing(1, taskhawk.Default)) })
	t.receiveOne()
	require.InDelta(t, 3, time.Since(start).Seconds(), 1)
}

func (t *transportTest) limits() {
	for n := range 5 {
		t.publish(n)
	}
	got := map[string]bool{}
	for len(got) < 5 {
		deliveries, err := t.queue(taskhawk.Default).Receive(t.Context(), 2, Wait)
		require.NoError(t, err)
		require.NotEmpty(t, deliveries)
		require.LessOrEqual(t, len(deliveries), 2)
		for _, d := range deliveries {
			require.False(t, got[d.Body], "received twice within the visibility timeout")
			got[d.Body] = true
		}
	}
}

func (t *transportTest) cancels() {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	start := time.Now()
	_, err := t.queue(taskhawk.Default).Receive(ctx, 10, Wait)
	require.Error(t, err)
	require.InDelta(t, 2, time.Since(start).Seconds(), 1)
	require.Error(t, t.Publisher.Publish(ctx, outgoing(1, taskhawk.Default)), "publish with an ended context")
}

func (t *transportTest) keepsBody() {
	msg := taskhawk.Message{
		ID: "\u65e5\u672c \U0001f600", Task: "tasks.conform", Timestamp: time.Now(),
		Args: "[ \"<a> & \\u2028 \\ufffe \x7f \U0001f600\", 1.0, 1e400 ]", Kwargs: "{ }",
	}
	body, err := msg.MarshalJSON()
	require.NoError(t, err)
	out := &taskhawk.Outgoing{ID: msg.ID, Task: msg.Task, Body: string(body)}
	require.NoError(t, t.Publisher.Publish(t.Context(), out))
	require.Equal(t, out.Body, t.receiveOne().Body)
}
