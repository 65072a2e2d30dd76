package faults_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Every tenth task always fails, and is received three times.
func TestT50PoisonAndHealthy(t *testing.T) {
	t.Parallel()
	const tasks, poison, tries = 200, 20, 3
	handle := func(_ context.Context, n int) error {
		time.Sleep(100 * time.Millisecond)
		if n%(tasks/poison) == 0 {
			return errFault
		}
		return nil
	}
	s := setup{What: "poison among healthy tasks", Handle: handle, Provision: sqsx.ProvisionConfig{MaxReceiveCount: tries}}
	inBubble(t, s, func(r *rig) {
		r.fill(tasks)
		w := r.start(sqsx.WorkerConfig{})
		time.Sleep(3 * time.Second)
		require.Equal(r, poison, r.left(), "the healthy are done, none is held up")
		r.drain(10 * time.Minute)
		w.stop()
		letters := r.letters(taskhawk.Default)
		require.Len(r, letters, poison)
		for _, letter := range letters {
			require.Equal(r, tries, letter.Receives)
		}
		for n := 0; n < tasks; n += tasks / poison {
			times := r.book.runTimes(n)
			require.Len(r, times, tries)
			for try, least := range []time.Duration{2500 * time.Millisecond, 5 * time.Second} { // half of 5 s and 10 s at least
				require.GreaterOrEqual(r, times[try+1].Sub(times[try]), least)
			}
		}
		r.Check(want{Dead: poison})
	})
}

// The low queue is full for a minute, and one urgent task comes every 700 ms. A task takes a second.
func TestT51UrgentBesideABusyQueue(t *testing.T) {
	t.Parallel()
	for _, strict := range []bool{false, true} {
		t.Run(map[bool]string{false: "by weight", true: "strictly"}[strict], func(t *testing.T) {
			t.Parallel()
			const takes, urgent, concurrency = time.Second, 80, 10
			inBubble(t, setup{What: "a full low queue, and urgent tasks now and then", Handle: long(takes)}, func(r *rig) {
				for range 3 {
					r.fill(200, taskhawk.WithPriority(taskhawk.Low))
					r.fill(10, taskhawk.WithPriority(taskhawk.Bulk))
				}
				w := r.start(sqsx.WorkerConfig{Concurrency: concurrency, StrictPriority: strict})
				time.Sleep(5 * time.Second)
				var sent []time.Time
				for n := range urgent {
					sent = append(sent, time.Now())
					r.dispatch(1000+n, taskhawk.WithPriority(taskhawk.High))
					time.Sleep(700 * time.Millisecond)
				}
				passed := r.book.total()
				require.GreaterOrEqual(r, passed, int(61/takes.Seconds())*concurrency-concurrency, "the low queue goes on in all other slots")
				time.Sleep(10 * time.Second)
				var waits []time.Duration
				for n, at := range sent {
					require.Equal(r, 1, r.book.runs(1000+n))
					waits = append(waits, r.book.runTimes(1000 + n)[0].Sub(at))
				}
				require.LessOrEqual(r, slices.Max(waits), takes, "an urgent task waits for one slot at most")
				r.drain(5 * time.Minute)
				w.stop()
				r.Check(want{})
			})
		})
	}
}

// Urgent tasks without end: by weight, the others are served all the same.
func TestT51LowIsNotStarved(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "a flood of urgent tasks, and all others", Handle: long(time.Second)}, func(r *rig) {
		for _, priority := range []taskhawk.Priority{taskhawk.Default, taskhawk.Low, taskhawk.Bulk} {
			r.fill(5, taskhawk.WithPriority(priority))
		}
		w := r.start(sqsx.WorkerConfig{Concurrency: 4})
		for range 30 { // ten a second, where four can run
			r.fill(10, taskhawk.WithPriority(taskhawk.High))
			time.Sleep(time.Second)
		}
		for _, priority := range []taskhawk.Priority{taskhawk.Default, taskhawk.Low, taskhawk.Bulk} {
			require.Empty(r, r.server.Queue(queueName(priority)).Messages, "%s tasks waited behind urgent ones", priority)
		}
		require.NotEmpty(r, r.server.Queue(queueName(taskhawk.High)).Messages)
		r.drain(10 * time.Minute)
		w.stop()
		r.Check(want{})
	})
}
