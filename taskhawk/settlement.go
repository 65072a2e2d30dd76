package taskhawk

import (
	"context"
	"errors"
	"time"
)

// Settle does with a delivery that failed what [OutcomeOf] says of handled, the error of [Hub.Handle], as far as d.Settler reaches. It is for
// transports without a [Worker], such as Lambda, where the service deletes what is done and Settle never does.
//
// A message to retry becomes visible after the delay that RetryAfter asked for, else after backoff (nil: that of a worker), cut where
// d.ClaimEnds is. One that failed for good goes to the dead-letter queue. done reports that the message needs no other delivery: its handler
// succeeded, or the dead-letter queue has it.
//
// An error is that of the settler: the message comes back when its visibility timeout is over. Without a settler nothing is done, and a
// permanent failure is retried until the queue's redrive policy takes it. It does not panic, may block within ctx, and may be called
// concurrently for different deliveries.
func Settle(ctx context.Context, d *Delivery, handled error, backoff Backoff) (done bool, err error) {
	outcome := OutcomeOf(handled)
	if outcome.Action == ActionDelete || d.Settler == nil {
		return outcome.Action == ActionDelete, nil
	}
	err = outcome.delayed(d, backoff).apply(ctx, d.Settler, d)
	return err == nil && outcome.Action == ActionDeadLetter, err
}

// apply makes the settler do what becomes of a failure. It survives a panic of the transport.
func (o Outcome) apply(ctx context.Context, settler Settler, d *Delivery) (err error) {
	defer recoverTo(&err)
	if o.Action == ActionDeadLetter {
		return settler.DeadLetter(ctx, d, DeadLetter{Task: taskOf(d), Reason: reasonOf(o.Err), Attempt: max(d.Attempt, 1)})
	}
	return settler.SetVisibility(ctx, d, o.Delay)
}

// delayed is the outcome with the delay of a retry filled in, which ends before the claim does.
func (o Outcome) delayed(d *Delivery, backoff Backoff) Outcome {
	if o.Action != ActionRetry {
		return o
	}
	if !o.HasDelay {
		o.Delay = backoff.delay(max(d.Attempt, 1))
	}
	if !d.ClaimEnds.IsZero() {
		o.Delay = min(o.Delay, max(time.Until(d.ClaimEnds)-time.Second, 0))
	}
	return o
}

// reasonOf is the text of the error that was given to Permanent.
func reasonOf(err error) string {
	var marked *outcomeError
	if errors.As(err, &marked) && marked.outcome.Err != nil {
		return marked.outcome.Err.Error()
	}
	return "permanent failure"
}
