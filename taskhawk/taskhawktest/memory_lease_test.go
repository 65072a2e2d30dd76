package taskhawktest_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/taskhawktest"
)

// memoryTest is a Memory with its default queue, in a bubble.
type memoryTest struct {
	*testing.T
	*taskhawktest.Memory
	queue taskhawk.Queue
}

func inMemory(t *testing.T, test func(m memoryTest)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		memory := taskhawktest.NewMemory(taskhawktest.MemoryConfig{})
		test(memoryTest{T: t, Memory: memory, queue: memory.Queues(taskhawk.Default)[0]})
	})
}

func (m memoryTest) publish(body string) {
	require.NoError(m, m.Publish(m.Context(), &taskhawk.Outgoing{ID: "i", Task: "tasks.email", Body: body, Group: "g"}))
}

func (m memoryTest) receive() *taskhawk.Delivery {
	deliveries, err := m.queue.Receive(m.Context(), 1, taskhawktest.Wait)
	require.NoError(m, err)
	require.Len(m, deliveries, 1)
	return deliveries[0]
}

func (m memoryTest) requireDepth(all, inFlight int) {
	m.Helper()
	gotAll, gotInFlight := m.Depth(taskhawk.Default)
	require.Equal(m, [2]int{all, inFlight}, [2]int{gotAll, gotInFlight}, "all, and in flight")
}

func TestMemoryCountsWhatIsInFlight(t *testing.T) {
	t.Parallel()
	inMemory(t, func(m memoryTest) {
		m.requireDepth(0, 0)
		m.publish("1")
		m.publish("2")
		m.requireDepth(2, 0)
		d := m.receive()
		m.requireDepth(2, 1)
		require.NoError(m, m.queue.Delete(m.Context(), d))
		m.requireDepth(1, 0)
		m.receive()
		m.requireDepth(1, 1)
		time.Sleep(30 * time.Second)
		m.requireDepth(1, 0)
		for _, priority := range []taskhawk.Priority{taskhawk.High, taskhawk.Low, taskhawk.Bulk} {
			all, inFlight := m.Depth(priority)
			require.Zero(m, all+inFlight)
		}
	})
}

func TestMemoryHasTheDefaultsOfProvisionedQueues(t *testing.T) {
	t.Parallel()
	inMemory(t, func(m memoryTest) {
		start := time.Now()
		_, err := m.queue.Receive(m.Context(), 1, taskhawktest.Wait)
		require.NoError(m, err)
		require.Equal(m, 20*time.Second, time.Since(start), "the long poll")
		m.publish("1")
		for attempt := range 5 {
			d := m.receive()
			require.Equal(m, attempt+1, d.Attempt)
			time.Sleep(30*time.Second - 1)
			m.requireDepth(1, 1)
			time.Sleep(time.Nanosecond)
		}
		m.requireDepth(0, 0)
		require.Equal(m, []taskhawktest.Letter{
			{DeadLetter: taskhawk.DeadLetter{Task: "tasks.email", Attempt: 5}, Body: "1"},
		}, m.DeadLetters(taskhawk.Default))
	})
}

func TestMemoryKeepsTheOrderOfSending(t *testing.T) {
	t.Parallel()
	inMemory(t, func(m memoryTest) {
		for n := range 5 {
			m.publish(fmt.Sprint(n))
		}
		for n := range 5 {
			d := m.receive()
			require.Equal(m, fmt.Sprint(n), d.Body)
			require.Equal(m, "g", d.Group)
			require.IsType(m, &taskhawk.Outgoing{}, d.Raw)
		}
	})
}

func TestMemoryRefusesAStaleReceipt(t *testing.T) {
	t.Parallel()
	inMemory(t, func(m memoryTest) {
		m.publish("1")
		stale := m.receive()
		time.Sleep(30 * time.Second)
		current := m.receive()
		letter := taskhawk.DeadLetter{Reason: "stale"}
		require.NotEqual(m, stale.Receipt, current.Receipt)
		require.ErrorIs(m, m.queue.Delete(m.Context(), stale), taskhawk.ErrVisibilityLost)
		require.Error(m, stale.Settler.SetVisibility(m.Context(), stale, 0))
		require.Error(m, m.queue.DeadLetter(m.Context(), stale, letter))
		m.requireDepth(1, 1)
		require.Empty(m, m.DeadLetters(taskhawk.Default))

		require.NoError(m, m.queue.Delete(m.Context(), current))
		require.Error(m, m.queue.Delete(m.Context(), current), "it is gone")
		require.NotContains(m, m.queue.Delete(m.Context(), stale).Error(), stale.Receipt)
	})
}

func TestMemoryKeepsTheReasonOfADeadLetter(t *testing.T) {
	t.Parallel()
	inMemory(t, func(m memoryTest) {
		m.publish("1")
		letter := taskhawk.DeadLetter{Task: "tasks.email", Reason: "no such user", Attempt: 1}
		d := m.receive()
		require.NoError(m, m.queue.DeadLetter(m.Context(), d, letter))
		m.requireDepth(1, 1)
		require.NoError(m, m.queue.Delete(m.Context(), d))
		m.requireDepth(0, 0)
		letters := m.DeadLetters(taskhawk.Default)
		require.Equal(m, []taskhawktest.Letter{{DeadLetter: letter, Body: "1"}}, letters)
		letters[0].Body = "changed"
		require.Equal(m, "1", m.DeadLetters(taskhawk.Default)[0].Body, "the slice is the caller's")
	})
}

func TestMemoryRefusesMisuse(t *testing.T) {
	t.Parallel()
	inMemory(t, func(m memoryTest) {
		err := m.Publish(m.Context(), &taskhawk.Outgoing{Priority: 9})
		require.ErrorIs(m, err, taskhawk.ErrUnknownPriority)
		_, err = m.queue.Receive(m.Context(), 0, taskhawktest.Wait)
		require.ErrorContains(m, err, "limit 0")

		m.publish("1")
		d := m.receive()
		ended, cancel := context.WithCancel(m.Context())
		cancel()
		require.ErrorIs(m, m.queue.Delete(ended, d), context.Canceled)
		require.ErrorIs(m, d.Settler.SetVisibility(ended, d, 0), context.Canceled)
		require.ErrorContains(m, d.Settler.SetVisibility(m.Context(), d, 12*time.Hour+1), "a lease ends 12h0m0s after it was received")
		m.requireDepth(1, 1)
		require.NoError(m, d.Settler.SetVisibility(m.Context(), d, 12*time.Hour))
	})
}
