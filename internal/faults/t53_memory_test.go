package faults_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// bulkyArgs make a body of a kilobyte.
type bulkyArgs struct{ Text string }

// What a task in flight costs beside its body: claim, delivery, message, attributes, timer and goroutine, and what the server, which is
// in the same process, notes of it. Not parallel to other tests, whose memory would count.
//
//nolint:paralleltest // see above
func TestT53MemoryPerTaskInFlight(t *testing.T) {
	tasks, body := 10_000, 1<<10
	release := func() {}
	var bulky *taskhawk.Task[bulkyArgs]
	s := setup{What: "thousands in flight", Tasks: func(*rig) []taskhawk.AnyTask {
		released := make(chan struct{})
		release = func() { close(released) }
		bulky = taskhawk.New("tests.bulky", func(context.Context, bulkyArgs) error {
			<-released
			return nil
		})
		return []taskhawk.AnyTask{bulky}
	}}
	inBubble(t, s, func(r *rig) {
		r.server.LimitLedger(0)
		_, err := bulky.DispatchAll(r.Context(), makeBulky(tasks, body))
		require.NoError(r, err)
		config := onlyDefault()
		config.Concurrency, config.VisibilityTimeout = tasks, 12*time.Hour
		before := measure()
		w := r.start(config)
		time.Sleep(time.Minute)
		require.Equal(r, tasks, w.Stats().Running)
		after := measure()
		release()
		r.drain(time.Minute)
		w.stop()
		heap, stack := int(after.heap-before.heap)/tasks-body, int(after.stacks-before.stacks)/tasks
		require.LessOrEqual(r, heap, 6<<10)
		if !raceDetector { // with it, stacks are twice as large
			r.notef("beside a body of %d bytes a task in flight takes %d bytes of heap and %d of stack", body, heap, stack)
			r.report(figures{})
			require.LessOrEqual(r, heap+stack, 8<<10)
		}
	})
}

func makeBulky(tasks, body int) []bulkyArgs {
	args := make([]bulkyArgs, tasks)
	for n := range args {
		args[n].Text = strings.Repeat("x", body)
	}
	return args
}
