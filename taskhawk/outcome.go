package taskhawk

import (
	"errors"
	"time"
)

// Action is what becomes of a message after its handler has returned.
type Action uint8

// The actions that [OutcomeOf] decides between.
const (
	// ActionDelete takes the message off the queue: the task is done.
	ActionDelete Action = iota
	// ActionRetry makes the message visible again after a delay, and lets the queue's redrive policy count.
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

// Outcome is what an error that a handler returned means. See [OutcomeOf].
type Outcome struct {
	// Action is what becomes of the message.
	Action Action
	// Delay is the delay that RetryAfter asked for. It counts only when HasDelay is set; otherwise the worker's
	// backoff decides.
	Delay time.Duration
	// HasDelay tells whether Delay was asked for: RetryAfter(0, err) asks for redelivery at once.
	HasDelay bool
	// Expected is set by Retry, RetryAfter and Ignore: the failure is part of normal life and logged at debug level.
	Expected bool
	// Err is the handler's error, nil when it succeeded.
	Err error
}

// outcomeError is what Retry, RetryAfter, Ignore and Permanent return: a wrapper that leaves the cause visible to
// errors.Is and errors.As.
type outcomeError struct {
	outcome Outcome
	verb    string
}

// Retry marks err as expected: the message is delivered again after the worker's backoff, as with any other error, but
// it is logged at debug level. Retry(nil) also asks for another delivery.
func Retry(err error) error {
	return &outcomeError{verb: "retry", outcome: Outcome{Action: ActionRetry, Expected: true, Err: err}}
}

// RetryAfter is [Retry] with a delay of the handler's choosing. SQS counts it in whole seconds, so it is rounded up, and
// caps it at 12 hours after the message was received; a negative delay is read as 0, at once.
func RetryAfter(delay time.Duration, err error) error {
	return &outcomeError{verb: "retry", outcome: Outcome{
		Action: ActionRetry, Delay: max(delay, 0), HasDelay: true, Expected: true, Err: err,
	}}
}

// Ignore marks err as of no consequence: the task counts as done and the message is deleted.
// Ignore(nil) is the same as returning nil.
func Ignore(err error) error {
	if err == nil {
		return nil
	}
	return &outcomeError{verb: "ignore", outcome: Outcome{Action: ActionDelete, Expected: true, Err: err}}
}

// Permanent marks err as one that no retry will cure: the message goes to the dead-letter queue at once, with the text of
// err as the reason, and does not wait for the redrive policy. Permanent(nil) does so too.
func Permanent(err error) error {
	return &outcomeError{verb: "permanent", outcome: Outcome{Action: ActionDeadLetter, Err: err}}
}

// Error returns the verb and the text of the cause.
func (e *outcomeError) Error() string {
	if e.outcome.Err == nil {
		return e.verb
	}
	return e.verb + ": " + e.outcome.Err.Error()
}

// Unwrap returns the cause.
func (e *outcomeError) Unwrap() error { return e.outcome.Err }

// decider is an error that says what becomes of the message, whatever it wraps.
type decider interface{ decide() Outcome }

func (e *outcomeError) decide() Outcome { return e.outcome }

// OutcomeOf says what an error that a handler (or [Hub.Handle]) returned means. It is the one place that decides:
//
//   - nil: done, the message is deleted
//   - Retry, RetryAfter, Ignore, Permanent, also when wrapped: as each says; the outermost of several decides, and the
//     first where errors are joined
//   - anything else, including a panic (also one with such an error as its value), a message that cannot be read, an
//     unknown task and invalid arguments: delivered again after a backoff, until the queue's redrive policy moves it to
//     the dead-letter queue
func OutcomeOf(err error) Outcome {
	if err == nil {
		return Outcome{Action: ActionDelete}
	}
	outcome := Outcome{Action: ActionRetry}
	var deciding decider
	if errors.As(err, &deciding) {
		outcome = deciding.decide()
	}
	outcome.Err = err
	return outcome
}
