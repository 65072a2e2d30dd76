package taskhawk

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// errGoexit is what a handler has "returned" that ended its goroutine by runtime.Goexit, as t.FailNow does in tests.
var errGoexit = errors.New("the handler ended its goroutine by runtime.Goexit")

// settleTimeout bounds the calls that settle one delivery, retries included.
const settleTimeout = 10 * time.Second

// process runs one delivery and settles it.
func (w *Worker) process(work context.Context, queue Queue, d *Delivery) {
	defer w.slots.release()
	err := errGoexit
	defer func() { w.settle(work, queue, d, err) }()
	defer recoverTo(&err)
	err = w.hub.Handle(work, d)
}

// settle does with the message what the outcome says, unless a stop has given it back already. It runs under a context
// that a stop does not cancel: work that is done must not be done again because a delete was cut off.
func (w *Worker) settle(work context.Context, queue Queue, d *Delivery, handled error) {
	if !w.flying.settle(d) {
		return
	}
	defer w.flying.settled()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(work), settleTimeout)
	defer cancel()
	if err := w.apply(ctx, work, queue, d, handled); err != nil {
		w.hub.report(ctx, slog.LevelError, "cannot settle a message, it will be delivered again",
			slog.Any("delivery", d), slog.String("error", err.Error()))
	}
}

// apply survives a panic of the transport and of the configured backoff.
func (w *Worker) apply(ctx, work context.Context, queue Queue, d *Delivery, handled error) (err error) {
	defer recoverTo(&err)
	outcome := w.outcome(work, d, handled)
	switch outcome.Action {
	case ActionDelete:
		return queue.Delete(ctx, d)
	case ActionDeadLetter:
		return queue.DeadLetter(ctx, d, DeadLetter{
			Task: taskOf(d), Reason: reasonOf(outcome.Err), Attempt: max(d.Attempt, 1),
		})
	default:
		return queue.SetVisibility(ctx, d, outcome.Delay)
	}
}

// outcome is OutcomeOf with the delay of a retry filled in: none for a handler that the stop cut off.
func (w *Worker) outcome(work context.Context, d *Delivery, handled error) Outcome {
	outcome := OutcomeOf(handled)
	switch {
	case outcome.Action != ActionRetry:
		return outcome
	case work.Err() != nil:
		outcome.Delay = 0
	case !outcome.HasDelay:
		outcome.Delay = max(w.config.Backoff(max(d.Attempt, 1)), 0)
	}
	if !d.ClaimEnds.IsZero() {
		outcome.Delay = min(outcome.Delay, max(time.Until(d.ClaimEnds)-time.Second, 0))
	}
	return outcome
}

// release gives messages back that were not handled, so that others see them at once.
func (w *Worker) release(ctx context.Context, deliveries []*Delivery) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	var group sync.WaitGroup
	for _, d := range deliveries {
		group.Go(func() {
			if err := giveBack(ctx, d); err != nil {
				w.hub.report(ctx, slog.LevelWarn, "cannot give a message back, it stays invisible until its visibility timeout",
					slog.Any("delivery", d), slog.String("error", err.Error()))
			}
		})
	}
	group.Wait()
}

func giveBack(ctx context.Context, d *Delivery) (err error) {
	defer recoverTo(&err)
	if d.Settler == nil {
		return nil
	}
	return d.Settler.SetVisibility(ctx, d, 0)
}

// reasonOf is the text of the error that was given to Permanent.
func reasonOf(err error) string {
	var marked *outcomeError
	if errors.As(err, &marked) && marked.outcome.Err != nil {
		return marked.outcome.Err.Error()
	}
	return "permanent failure"
}
