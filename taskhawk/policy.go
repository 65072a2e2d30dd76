package taskhawk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/guard"
)

// TaskPolicy holds the options of [New] that decide how a task runs.
type TaskPolicy struct {
	// Timeout is set by [WithTimeout]; 0 means no timeout.
	Timeout time.Duration
	// Backoff is set by [WithBackoff]; nil means the worker's backoff.
	Backoff Backoff
	// MaxAttempts is set by [WithMaxAttempts]; 0 means that only the queue limits
	// attempts.
	MaxAttempts int
	// MaxConcurrency is set by [WithMaxConcurrency]; 0 means no limit.
	MaxConcurrency int
}

// WithBackoff sets the backoff of this task. It replaces WorkerConfig.Backoff, and on
// Lambda, where it needs a Settler, SQSConfig.Backoff. The delay of a [RetryAfter]
// overrides it. The backoff is called concurrently, while the handler still holds its
// slot. If it panics, the panic is logged and the longest default delay is used. [New]
// panics if backoff is nil.
func WithBackoff(backoff Backoff) TaskOption {
	return taskOption(func(s *settings) {
		s.policy.Backoff = backoff
		if backoff == nil {
			s.reject("nil Backoff")
		}
	})
}

// WithMaxAttempts makes a message a dead letter when its n-th attempt fails. The last
// error is the reason, as with [Permanent]. The smaller of n and the queue's
// maxReceiveCount applies, so n can only make a task fail earlier than the others of its
// queue.
//
// An attempt is a receive, as SQS counts them. It counts even if a stop or
// [WithMaxConcurrency] gave the message back, or a crash cut it off. A message received
// more than n times becomes a dead letter without another run. Leave room for
// deployments: use 3 or more. If a stop cuts off the last attempt, the message is given
// back and becomes a dead letter at its next receive.
//
// On Lambda it needs a Settler: lambdax.SQS returns an error without one. Behind SNS it
// has no effect. [New] panics if n is below 1.
func WithMaxAttempts(n int) TaskOption {
	return taskOption(func(s *settings) {
		s.policy.MaxAttempts = n
		if n < 1 {
			s.reject(fmt.Sprintf("max attempts %d: at least 1", n))
		}
	})
}

// reject records why an option of New is invalid, if its value does not show it later.
// The first reason stays.
func (s *settings) reject(reason string) {
	if s.rejected == nil {
		s.rejected = errors.New(reason)
	}
}

// Policies returns the policy of each task that h runs, by name. It leaves out tasks that
// h only dispatches. Transports and checks compare the policies with their queues. The
// caller owns the map.
func (h *Hub) Policies() map[string]TaskPolicy {
	policies := make(map[string]TaskPolicy, len(h.tasks))
	for name, r := range h.tasks {
		if r.handler != nil {
			policies[name] = r.policy
		}
	}
	return policies
}

// ErrMaxAttempts is wrapped by the error of [Hub.Handle] when a message has no attempt
// left under [WithMaxAttempts]. Its last attempt has failed, now or in an earlier
// delivery. The error makes the message a dead letter.
var ErrMaxAttempts = errors.New("no attempt is left")

// mayRun returns an error if the message has used all its attempts.
func (r *registration) mayRun(ctx context.Context) error {
	most := r.policy.MaxAttempts
	if most == 0 {
		return nil
	}
	if attempt := MetadataFrom(ctx).Attempt; attempt > most {
		return exhausted(false, fmt.Errorf("%w: received %d times, %d allowed; not run", ErrMaxAttempts, attempt, most))
	}
	return nil
}

// exhausted returns the error of [Permanent] for a message without an attempt left.
func exhausted(expected bool, err error) error {
	return &outcomeError{verb: "permanent", outcome: Outcome{
		Action: ActionDeadLetter, Expected: expected, Err: err, exhausted: true,
	}}
}

// decide applies the policy to an error that asks for a retry. It returns err unchanged
// if a stop cut off the handler. r is nil for an unknown task, and err is not nil.
func (r *registration) decide(ctx context.Context, d *Delivery, err error) error {
	if r == nil || r.handler == nil || r.policy.MaxAttempts == 0 && r.policy.Backoff == nil {
		return err
	}
	outcome := OutcomeOf(err)
	if outcome.Action != ActionRetry || context.Cause(ctx) == ErrStopping { //nolint:errorlint // set as it is
		return err
	}
	attempt := max(d.Attempt, 1)
	if last := r.lastAttempt(d); last > 0 && attempt >= last {
		return exhausted(outcome.Expected,
			fmt.Errorf("%w: attempt %d of %d failed: %w", ErrMaxAttempts, attempt, last, guard.Error(err)))
	}
	if r.policy.Backoff == nil || outcome.HasDelay {
		return err
	}
	outcome.Delay, outcome.HasDelay = r.policy.Backoff.delay(attempt), true
	return &outcomeError{outcome: outcome}
}

// lastAttempt returns the last attempt that both the policy and the queue allow; 0 if the
// task has no limit.
func (r *registration) lastAttempt(d *Delivery) int {
	most := r.policy.MaxAttempts
	// In the last case the queue's limit was raised since.
	if most == 0 || d.MaxAttempts == 0 || d.Attempt > d.MaxAttempts {
		return most
	}
	return min(most, d.MaxAttempts)
}

// lastAttempt reports whether the message becomes a dead letter if this delivery fails or
// is given back.
func (h *Hub) lastAttempt(d *Delivery) bool {
	if d.lastAttempt() {
		return true
	}
	if !h.limitsAttempts {
		return false
	}
	r := h.tasks[nameOf(d)]
	return r != nil && r.policy.MaxAttempts != 0 && max(d.Attempt, 1) >= r.policy.MaxAttempts
}
