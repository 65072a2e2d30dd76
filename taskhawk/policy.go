package taskhawk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/guard"
)

// TaskPolicy is how a task runs, as the options of its [New] say.
type TaskPolicy struct {
	// Timeout is as in [WithTimeout]; 0 for none.
	Timeout time.Duration
	// Backoff is as in [WithBackoff]; nil where the worker's counts.
	Backoff Backoff
	// MaxAttempts is as in [WithMaxAttempts]; 0 where the queue decides alone.
	MaxAttempts int
	// MaxConcurrency is how many handlers may run in one worker, by [WithMaxConcurrency];
	// 0 for no limit.
	MaxConcurrency int
}

// WithBackoff sets the delay of a retry of this task, in the place of
// WorkerConfig.Backoff, and of SQSConfig.Backoff on Lambda, where it needs a Settler. A
// delay that a handler asks for by [RetryAfter] wins. It is called concurrently, in the
// handler's slot; one that panics is logged, and the longest default taken. Nil is a
// panic of [New].
func WithBackoff(backoff Backoff) TaskOption {
	return taskOption(func(s *settings) {
		s.policy.Backoff = backoff
		if backoff == nil {
			s.reject("nil Backoff")
		}
	})
}

// WithMaxAttempts makes a dead letter of a message whose n-th attempt fails, with the
// last error as the reason, as [Permanent] does. The smaller of n and the queue's
// maxReceiveCount counts: it is for tasks that should fail earlier than the others of
// their queue.
//
// An attempt is a receive, as SQS counts them: one that a stop or [WithMaxConcurrency]
// gave back, or a crash cut off, counts too. A message that comes more often than n times becomes a dead letter
// without another run, so leave room for deployments: 3 is a good least. A handler that a
// stop cuts off at the last attempt is given back, and its message is dead when it comes
// again.
//
// On Lambda it needs a Settler: lambdax.SQS returns an error without one. Behind SNS it
// has no effect. An n below 1 is a panic of [New].
func WithMaxAttempts(n int) TaskOption {
	return taskOption(func(s *settings) {
		s.policy.MaxAttempts = n
		if n < 1 {
			s.reject(fmt.Sprintf("max attempts %d: at least 1", n))
		}
	})
}

// reject notes what is wrong with an option of New, where its value could not show it
// later. The first one stays.
func (s *settings) reject(reason string) {
	if s.rejected == nil {
		s.rejected = errors.New(reason)
	}
}

// Policies returns the policy of each task that h runs, by name; tasks that it only
// dispatches are left out. Transports and checks compare them with their queues. The map
// is the caller's.
func (h *Hub) Policies() map[string]TaskPolicy {
	policies := make(map[string]TaskPolicy, len(h.tasks))
	for name, r := range h.tasks {
		if r.handler != nil {
			policies[name] = r.policy
		}
	}
	return policies
}

// ErrMaxAttempts is wrapped by the error of [Hub.Handle] for a task with
// [WithMaxAttempts] that has no attempt left: its last one failed, or was before this
// delivery. It asks for a dead letter.
var ErrMaxAttempts = errors.New("no attempt is left")

// mayRun returns an error if the message of a delivery has had all its attempts.
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

// exhausted is [Permanent] for a message without an attempt left.
func exhausted(expected bool, err error) error {
	return &outcomeError{verb: "permanent", outcome: Outcome{
		Action: ActionDeadLetter, Expected: expected, Err: err, exhausted: true,
	}}
}

// decide applies the policy to the error of a run that is to be retried. It leaves a
// handler alone that a stop cut off. r may be nil, for an unknown task.
func (r *registration) decide(ctx context.Context, d *Delivery, err error) error {
	if err == nil || r == nil || r.handler == nil || r.policy.MaxAttempts == 0 && r.policy.Backoff == nil {
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

// lastAttempt returns the last attempt that policy and queue allow a message; 0 where
// there is no policy.
func (r *registration) lastAttempt(d *Delivery) int {
	most := r.policy.MaxAttempts
	if most == 0 || d.MaxAttempts == 0 || d.Attempt > d.MaxAttempts { // the last: the queue's was raised since
		return most
	}
	return min(most, d.MaxAttempts)
}

// lastAttempt reports whether the message becomes a dead letter if this delivery of it
// fails, or is given back.
func (h *Hub) lastAttempt(d *Delivery) bool {
	if d.lastAttempt() {
		return true
	}
	if !h.limitsAttempts {
		return false
	}
	r := h.tasks[nameOf(d)]
	return r != nil && r.policy.MaxAttempts > 0 && max(d.Attempt, 1) >= r.policy.MaxAttempts
}
