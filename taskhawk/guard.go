package taskhawk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/guard"
)

// This file has the calls of users' interfaces and functions, other than handlers. None
// of them is made under a lock. docs/reliability.md lists them all, with the effects of
// a panic, runtime.Goexit and a hang.

// recoverTo stores a panic as an error. It must be deferred directly.
func recoverTo(err *error) { setPanic(err, recover()) }

// setPanic stores the value of a panic as an error; nil is none.
func setPanic(err *error, value any) {
	if value != nil {
		*err = &PanicError{Value: value, Stack: debug.Stack()}
	}
}

// attempt calls f in this goroutine and turns a panic into a [*PanicError].
// runtime.Goexit ends the goroutine: attempt is for calls whose caller is the user's code
// as well, such as Dispatch.
func attempt(f func()) (err error) {
	defer recoverTo(&err)
	f()
	return nil
}

// errGoexit is the error of a call that ended its goroutine by runtime.Goexit, as
// t.FailNow does in tests.
var errGoexit = errors.New("the goroutine was ended by runtime.Goexit")

// errHung is wrapped by the error of a call that did not return when its context had
// ended.
var errHung = errors.New("the call did not return when its context had ended")

// hungSlack is the time that a call has to return after its context has ended,
// receiveSlack the time that a receive has beyond its wait. Transports bound their calls
// themselves. These bounds are for code that ignores its context, such as fakes in
// tests.
const (
	hungSlack    = 100 * time.Millisecond
	receiveSlack = 30 * time.Second
)

// isolated calls f in a separate goroutine. Neither a panic nor runtime.Goexit reaches
// the caller, and the methods of the returned error are safe. If f does not return soon
// after ctx has ended, isolated returns without it. It is for goroutines of a worker,
// which must live on.
func isolated[T any](ctx context.Context, f func() (T, error)) (T, error) {
	var none, value T
	var err error
	ended := guard.Start(func() { value, err = f() })
	var failure *guard.CallError
	select {
	case failure = <-ended:
	case <-ctx.Done():
		timer := time.NewTimer(hungSlack)
		defer timer.Stop()
		select {
		case failure = <-ended:
		case <-timer.C:
			return none, fmt.Errorf("%w: %w: %w", ErrOutcomeUnknown, errHung, guard.Error(context.Cause(ctx)))
		}
	}
	switch {
	case failure == nil:
		return value, guard.Error(err)
	case failure.Value == nil:
		return none, errGoexit
	}
	return none, guard.Error(&PanicError{Value: failure.Value, Stack: failure.Stack})
}

// guardedQueue is a [Queue] of a transport as a worker calls it.
type guardedQueue struct {
	guardedSettler

	queue Queue
	info  QueueInfo
}

// guardQueue calls Info once: the result does not change, and is needed where the queue
// must not be called.
func guardQueue(queue Queue) (*guardedQueue, error) {
	q := &guardedQueue{guardedSettler: guardedSettler{queue}, queue: queue}
	err := attempt(func() { q.info = queue.Info() })
	return q, err
}

func guardQueues(queues []Queue) ([]Queue, error) {
	guarded := make([]Queue, len(queues))
	names := make(map[string]bool, len(queues))
	for i, queue := range queues {
		q, err := guardQueue(queue)
		if err == nil {
			err = q.info.check()
		}
		if err == nil && names[q.info.Name] {
			err = errDuplicateQueue
		}
		if err != nil {
			return nil, fmt.Errorf("queue %d: %w", i, err)
		}
		names[q.info.Name], guarded[i] = true, q
	}
	return guarded, nil
}

// errDuplicateQueue is the error for two queues of one name. A message would be held by
// both, and run twice at once.
var errDuplicateQueue = errors.New("duplicate queue name")

// Info returns the result of Info when the worker was made.
func (q *guardedQueue) Info() QueueInfo { return q.info }

// Receive receives from the queue.
func (q *guardedQueue) Receive(ctx context.Context, limit int, wait time.Duration) ([]*Delivery, error) {
	bounded, cancel := context.WithTimeout(ctx, wait+receiveSlack)
	defer cancel()
	return isolated(bounded, func() ([]*Delivery, error) { return q.queue.Receive(ctx, limit, wait) })
}

// guardedSettler is a [Settler] of a transport.
type guardedSettler struct{ settler Settler }

// SetVisibility calls the settler.
func (s guardedSettler) SetVisibility(ctx context.Context, d *Delivery, timeout time.Duration) error {
	_, err := isolated(ctx, func() (struct{}, error) { return struct{}{}, s.settler.SetVisibility(ctx, d, timeout) })
	return err
}

// DeadLetter calls the settler.
func (s guardedSettler) DeadLetter(ctx context.Context, d *Delivery, letter DeadLetter) error {
	_, err := isolated(ctx, func() (struct{}, error) { return struct{}{}, s.settler.DeadLetter(ctx, d, letter) })
	return err
}

// Delete calls the settler.
func (s guardedSettler) Delete(ctx context.Context, d *Delivery) error {
	_, err := isolated(ctx, func() (struct{}, error) { return struct{}{}, s.settler.Delete(ctx, d) })
	return err
}

// guardBackoff returns a backoff that logs a line if the user's does not return; nil for
// nil.
func (h *Hub) guardBackoff(backoff Backoff) Backoff {
	if backoff == nil {
		return nil
	}
	return guard.Backoff(backoff, func(failure error) {
		ctx := context.Background() //nolint:forbidigo // a backoff is asked by no caller
		h.report(ctx, slog.LevelError, "backoff failed; using the longest default", guard.ErrorAttr(failure))
	})
}

// guardedPublisher is a [Publisher] of a transport as Dispatch calls it, in the goroutine
// of its caller.
type guardedPublisher struct{ publisher Publisher }

// guardPublisher returns nil for nil.
func guardPublisher(publisher Publisher) Publisher {
	if publisher == nil {
		return nil
	}
	if batcher, ok := publisher.(BatchPublisher); ok {
		return &guardedBatchPublisher{guardedPublisher{publisher}, batcher}
	}
	return &guardedPublisher{publisher}
}

// Publish publishes by the publisher. After a panic it is not known whether the message is
// stored.
func (p *guardedPublisher) Publish(ctx context.Context, out *Outgoing) (err error) {
	defer func() {
		var panicked error
		if setPanic(&panicked, recover()); panicked != nil {
			err = fmt.Errorf("%w: %w", ErrOutcomeUnknown, guard.Error(panicked))
		}
	}()
	return guard.Error(p.publisher.Publish(ctx, out))
}

// guardedBatchPublisher is a [BatchPublisher] of a transport.
type guardedBatchPublisher struct {
	guardedPublisher

	batcher BatchPublisher
}

// PublishBatch publishes by the publisher.
func (p *guardedBatchPublisher) PublishBatch(ctx context.Context, outs []*Outgoing) []error {
	errs := make([]error, len(outs))
	var answers []error
	missing := fmt.Errorf("%w: %w", ErrOutcomeUnknown, errNoAnswer)
	if panicked := attempt(func() { answers = p.batcher.PublishBatch(ctx, outs) }); panicked != nil {
		answers, missing = nil, fmt.Errorf("%w: %w", ErrOutcomeUnknown, guard.Error(panicked))
	}
	for i := range errs {
		if i < len(answers) {
			errs[i] = guard.Error(answers[i])
			continue
		}
		errs[i] = missing
	}
	return errs
}

// errNoAnswer is the error of a message if a BatchPublisher broke its contract: a
// message that was not confirmed has failed.
var errNoAnswer = errors.New("the publisher gave no answer for this message")
