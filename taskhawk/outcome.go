package taskhawk

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/guard"
)

// Action is what happens to a message after its handler has returned.
type Action uint8

// The actions that [OutcomeOf] decides between.
const (
	// ActionDelete deletes the message: the task is done.
	ActionDelete Action = iota
	// ActionRetry makes the message visible again after a delay. The attempt counts for
	// the queue's redrive policy.
	ActionRetry
	// ActionDeadLetter puts the message on the dead-letter queue now.
	ActionDeadLetter
)

// String returns "delete", "retry" or "dead letter".
func (a Action) String() string {
	switch a {
	case ActionDelete:
		return "delete"
	case ActionRetry:
		return "retry"
	default:
		return "dead letter"
	}
}

// Outcome is the meaning of an error that a handler returned. See [OutcomeOf].
type Outcome struct {
	// Action is what happens to the message.
	Action Action
	// Delay is the delay given to RetryAfter, or returned by the task's backoff
	// ([WithBackoff]). It is used only if HasDelay is set; otherwise the worker's backoff
	// decides.
	Delay time.Duration
	// HasDelay reports whether Delay was asked for: RetryAfter(0, err) asks for
	// redelivery at once.
	HasDelay bool
	// Expected is set by Retry, RetryAfter and Ignore: the failure is normal, and logged
	// at debug level.
	Expected bool
	// Err is the handler's error, nil when it succeeded.
	Err error

	exhausted bool // no attempt was left
}

// outcomeError is the error of Retry, RetryAfter, Ignore and Permanent, and of a task's
// policy. It leaves the cause visible to errors.Is and errors.As.
type outcomeError struct {
	outcome Outcome
	verb    string // before the text of the cause; empty for the cause alone
}

// Retry marks err as expected: the message is delivered again after the worker's backoff,
// as with any other error, but it is logged at debug level. Retry(nil) also asks for
// another delivery.
func Retry(err error) error {
	return &outcomeError{verb: "retry", outcome: Outcome{Action: ActionRetry, Expected: true, Err: err}}
}

// RetryAfter is [Retry] with a delay that the handler chooses. On SQS the delay is
// rounded up to whole seconds, and ends 12 hours after the receive at the latest. A
// negative delay counts as 0: at once.
func RetryAfter(delay time.Duration, err error) error {
	return &outcomeError{verb: "retry", outcome: Outcome{
		Action: ActionRetry, Delay: max(delay, 0), HasDelay: true, Expected: true, Err: err,
	}}
}

// Ignore marks err as of no consequence: the task counts as done and the message is
// deleted. Ignore(nil) is the same as returning nil.
func Ignore(err error) error {
	if err == nil {
		return nil
	}
	return &outcomeError{verb: "ignore", outcome: Outcome{Action: ActionDelete, Expected: true, Err: err}}
}

// Permanent marks err as one that a retry cannot change. The message goes to the
// dead-letter queue at once, with the text of err as the reason, and does not wait for
// the redrive policy. Permanent(nil) does so too.
func Permanent(err error) error {
	return &outcomeError{verb: "permanent", outcome: Outcome{Action: ActionDeadLetter, Err: err}}
}

// Error returns the verb and the text of the cause.
func (e *outcomeError) Error() string {
	switch {
	case e.outcome.Err == nil:
		return e.verb
	case e.verb == "":
		return guard.Text(e.outcome.Err)
	}
	return e.verb + ": " + guard.Text(e.outcome.Err)
}

// Unwrap returns the cause.
func (e *outcomeError) Unwrap() error { return e.outcome.Err }

// decider is an error that decides the outcome, whatever it wraps.
type decider interface{ decide() Outcome }

func (e *outcomeError) decide() Outcome { return e.outcome }

// OutcomeOf returns the meaning of an error that a handler (or [Hub.Handle]) returned:
//
//   - nil: done, the message is deleted
//   - Retry, RetryAfter, Ignore, Permanent, also when wrapped: as each says; the
//     outermost of several decides, and the first where errors are joined
//   - anything else, including a panic (also one with such an error as its value), a
//     message that cannot be read, an unknown task and invalid arguments: delivered again
//     after a backoff, until the queue's redrive policy moves it to the dead-letter queue
//
// It does not panic, whatever the methods of err do: it skips errors whose methods
// panic.
func OutcomeOf(err error) Outcome {
	if err == nil {
		return Outcome{Action: ActionDelete}
	}
	outcome := Outcome{Action: ActionRetry}
	if deciding, ok := guard.As[decider](err); ok {
		outcome = deciding.decide()
	}
	outcome.Err = err
	return outcome
}

// ErrOutcomeUnknown is wrapped by the error of a Dispatch whose message may be stored:
// the answer was lost, or the caller gave up while the call was in flight. Repeat the
// dispatch with WithID and the same id. The handler must accept a duplicate.
var ErrOutcomeUnknown = errors.New("delivery outcome unknown")

// ErrHeldBack is wrapped by the error of a message of a FIFO group that was not sent,
// because an earlier message of the group in the same DispatchAll was not stored. Send
// both again, in order.
var ErrHeldBack = errors.New("held back behind a message of its group that was not stored")

// Settle applies the outcome of handled, the error of [Hub.Handle], to a delivery that
// failed, as far as d.Settler can. It is for transports without a [Worker], such as
// Lambda. There the service deletes messages that are done, so Settle deletes a message
// only if its dead letter is stored.
//
// A message to retry becomes visible after the delay of RetryAfter, else after backoff
// (nil: the default of workers), and at d.LeaseEnds at the latest. A message that failed
// for good goes to the dead-letter queue. done reports whether the message needs no
// other delivery: its handler succeeded, or the dead-letter queue has it.
//
// An error comes from the settler. If done is false, the message is delivered again
// after its visibility timeout. If done is true, only the delete after a stored dead
// letter failed: report the message as done, so that the service deletes it.
//
// Without a settler Settle does nothing, and a permanent failure is retried until the
// queue's redrive policy moves it. Settle does not panic, may block within ctx, and may
// be called concurrently for different deliveries.
func Settle(ctx context.Context, d *Delivery, handled error, backoff Backoff) (done bool, err error) {
	outcome := OutcomeOf(handled)
	if outcome.Action == ActionDelete || d.Settler == nil {
		return outcome.Action == ActionDelete, nil
	}
	settler := guardedSettler{d.Settler}
	if outcome.Action == ActionRetry {
		return false, outcome.delayed(d, backoff).retry(ctx, settler, d)
	}
	if err := outcome.sendLetter(ctx, settler, d); err != nil {
		return false, err
	}
	return true, settler.Delete(ctx, d)
}

// sendLetter puts the message on the dead-letter queue. The settler must be guarded.
func (o Outcome) sendLetter(ctx context.Context, settler Settler, d *Delivery) error {
	return settler.DeadLetter(ctx, d, DeadLetter{Task: nameOf(d), Reason: reasonOf(o.Err), Attempt: max(d.Attempt, 1)})
}

// nameOf returns the name of the task, empty for a message that cannot be read.
func nameOf(d *Delivery) string {
	msg, _, err := readBody(d)
	if err != nil {
		return ""
	}
	return msg.Task
}

// retry makes the message visible after the delay. The settler must be guarded.
func (o Outcome) retry(ctx context.Context, settler Settler, d *Delivery) error {
	return settler.SetVisibility(ctx, d, o.Delay)
}

// delayed returns the outcome with the delay of a retry, which ends before the lease
// does.
func (o Outcome) delayed(d *Delivery, backoff Backoff) Outcome {
	if o.Action != ActionRetry {
		return o
	}
	if !o.HasDelay {
		o.Delay = backoff.delay(max(d.Attempt, 1))
	}
	if !d.LeaseEnds.IsZero() {
		o.Delay = min(o.Delay, max(time.Until(d.LeaseEnds)-time.Second, 0))
	}
	return o
}

// reasonOf returns the text of the error that was given to Permanent.
func reasonOf(err error) string {
	if marked, ok := guard.As[*outcomeError](err); ok && marked.outcome.Err != nil {
		return guard.Text(marked.outcome.Err)
	}
	return "permanent failure"
}

// Backoff returns how long a message waits before its next delivery after the attempt
// (from 1) that failed. It is called concurrently.
type Backoff func(attempt int) time.Duration

// ExponentialBackoff doubles the delay with every attempt, from first up to limit.
// Jitter spreads it over the upper half of the delay, so that messages that failed
// together do not return together.
func ExponentialBackoff(first, limit time.Duration) Backoff {
	return func(attempt int) time.Duration { return jitter(doubled(first, limit, attempt), 2) }
}

// delay returns the delay after the attempt; a nil Backoff is the default of a
// [WorkerConfig].
func (b Backoff) delay(attempt int) time.Duration {
	if b == nil {
		return ExponentialBackoff(defaultFirstRetry, defaultLastRetry)(attempt)
	}
	return guard.Backoff(b, func(error) {})(attempt)
}

// doubled returns first, doubled for every attempt after the first one, up to limit.
func doubled(first, limit time.Duration, attempt int) time.Duration {
	delay := min(first, limit)
	for ; attempt > 1 && 0 < delay && delay < limit; attempt-- {
		if delay > limit/2 { // twice the delay may be more than a Duration holds
			return limit
		}
		delay *= 2
	}
	return delay
}

// jitter returns a random duration in the last of parts equal parts of d.
func jitter(d time.Duration, parts int64) time.Duration {
	return d - rand.N(max(d, 0)/time.Duration(parts)+1)
}
