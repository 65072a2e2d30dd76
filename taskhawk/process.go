package taskhawk

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// errGoexit is what a handler has "returned" that ended its goroutine by runtime.Goexit, as t.FailNow does in tests.
var errGoexit = errors.New("the handler ended its goroutine by runtime.Goexit")

// process runs the handler of a message in the slot that the caller has acquired, settles the message, and reports whether
// it is off the queue.
func (w *Worker) process(work context.Context, c *claim) (done bool) {
	start := time.Now()
	defer func() {
		w.pace.add(time.Since(start))
		w.slots.release()
	}()
	ctx, cancel := context.WithCancelCause(work)
	defer cancel(nil)
	if !c.start(cancel) {
		w.claims.forget(c) // lost while it waited: somebody else has it
		return false
	}
	w.claims.run(c)
	w.counters.start(c.current(), start)
	err := errGoexit
	defer func() {
		if err == errGoexit { //nolint:errorlint // it is set above, and nothing wraps it
			w.hub.log(ctx, c.current(), nil, err, start)
		}
		done = w.settle(work, c, err)
	}()
	defer recoverTo(&err)
	err = w.hub.Handle(ctx, c.current())
	return done
}

// lost is called when the claim on a message is lost.
func (w *Worker) lost(c *claim) {
	w.counters.lostClaims.Add(1)
	ctx := context.Background() //nolint:forbidigo // a heartbeat has no caller
	w.hub.report(ctx, slog.LevelWarn, "the claim on a message is lost, it will be delivered again",
		slog.Any("delivery", c.current()))
}
