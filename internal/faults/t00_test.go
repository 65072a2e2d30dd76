package faults_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// A run without any fault: every task runs once, and nothing is left.
func TestT00NoFault(t *testing.T) {
	t.Parallel()
	handle := func(context.Context, int) error {
		time.Sleep(50 * time.Millisecond)
		return nil
	}
	inBubble(t, setup{What: "no fault", Handle: handle}, func(r *rig) {
		r.fillAll(100)
		w := r.start(sqsx.WorkerConfig{})
		require.LessOrEqual(r, r.drain(time.Minute), 5*time.Second)
		require.LessOrEqual(r, w.stop(), 21*time.Second)
		require.Equal(r, 400, r.book.total())
		r.Check(want{})
	})
}

// The same over TCP.
func TestT00NoFaultOverLoopback(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{What: "no fault, over TCP", Loopback: true})
	r.fillAll(25)
	w := r.start(sqsx.WorkerConfig{WaitTime: time.Second})
	r.drain(time.Minute)
	require.LessOrEqual(r, w.stop(), taskhawk.DefaultGracePeriod+time.Second)
	require.Equal(r, 100, r.book.total())
	r.Check(want{})
}
