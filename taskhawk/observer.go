package taskhawk

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/guard"
)

// Operation is the kind of a [Call].
type Operation uint8

// The operations of a transport.
const (
	// OperationSend sends or publishes messages, dead letters among them.
	OperationSend Operation = iota
	// OperationReceive asks for messages.
	OperationReceive
	// OperationDelete takes messages off their queue.
	OperationDelete
	// OperationVisibility changes visibility timeouts: heartbeats, retries and messages
	// given back.
	OperationVisibility
)

// String returns "send", "receive", "delete" or "visibility".
func (o Operation) String() string {
	switch o {
	case OperationSend:
		return "send"
	case OperationReceive:
		return "receive"
	case OperationDelete:
		return "delete"
	default:
		return "visibility"
	}
}

// Call describes one request of a transport to its service. A retry is another call.
// Observers only read it.
type Call struct {
	// Operation is the kind of the request.
	Operation Operation
	// System is the service, as OpenTelemetry names it: "aws_sqs" or "aws.sns".
	System string
	// Method is the name that the service gives the request, such as "SendMessageBatch".
	Method string
	// Queue is the name of the queue or topic.
	Queue string
	// Messages is how many messages the request carries; 0 for a receive.
	Messages int
	// Sent has the messages of a send, which may be those of several callers. Dead
	// letters are not among them. Nil for other operations.
	Sent []*Outgoing
}

// Settlement says what happened to a message whose handler has returned, or whose lease
// is lost. Observers only read it.
type Settlement struct {
	// Task is the name of the task as the message says it: anybody who may send to the
	// queue chooses it. Empty for a message that cannot be read.
	Task string
	// Registered reports whether the hub has a task of that name. Labels of metrics must
	// not take the name of another.
	Registered bool
	// Priority is that of the message, or of its queue if the message cannot be read.
	Priority Priority
	// Queue is the name of the queue, empty where there is none.
	Queue string
	// Attempt counts the deliveries of the message, from 1.
	Attempt int
	// Outcome is what [OutcomeOf] decided, if Lost is not set.
	Outcome Outcome
	// Lost reports that the lease on the message is lost: whatever its handler returns
	// has no effect, and the message is delivered again.
	Lost bool
	// DeadLetter reports that the message becomes a dead letter: it was sent to the
	// dead-letter queue, or failed at its last attempt, where Delivery.MaxAttempts is
	// known.
	DeadLetter bool
	// Err is why the message could not be settled, so that it is delivered again. Nil if
	// it is settled.
	Err error
}

// Observer sees what no dispatch and no handler has for itself: the requests that a
// transport makes for many of them, and how messages are settled.
// Set it as Config.Observer. Package oteltaskhawk makes traces and metrics of it.
//
// Its methods are called concurrently, and never under a lock. They cannot hold up or
// fail what they observe: a panic costs the observation, and a call that takes longer
// than 100 ms goes on beside what it observes. Until it returns, nothing else is
// observed.
type Observer interface {
	// Call is called before each request. It returns the context of the request, of
	// which only the values count, and a function that is called when the request has
	// ended, with how many messages it brought, stored, deleted or changed, and the error
	// of the request as a whole. Both may be nil.
	//
	// A request that serves several callers has a ctx with the values of none: see
	// Call.Sent.
	Call(ctx context.Context, call *Call) (context.Context, func(messages int, err error))
	// Settled is called once for each delivery whose handler was called: when its message
	// is settled, or could not be, or when its lease is lost. It is also called for a
	// message that loses its lease, or is given back at its last attempt, before its
	// handler was called. It is not called for a handler that a stop left behind.
	Settled(ctx context.Context, settlement *Settlement)
}

// Observer returns Config.Observer as transports call it: its methods never panic and
// return within 100 ms. It is nil if there is none.
func (h *Hub) Observer() Observer { return h.observer }

// HasTask reports whether a task of that name is registered with the hub.
func (h *Hub) HasTask(name string) bool {
	_, ok := h.tasks[name]
	return ok
}

// Settled reports a settled delivery to Config.Observer: handled is the error of
// [Hub.Handle], done and err are the results of [Settle]. It is for transports without a
// [Worker]. It returns within 100 ms and may be called concurrently.
func (h *Hub) Settled(ctx context.Context, d *Delivery, handled error, done bool, err error) {
	if h.observer == nil {
		return
	}
	s := h.settlement(d, Default)
	s.Outcome, s.Err = OutcomeOf(handled), err
	// Without a settler only the queue makes dead letters.
	s.DeadLetter = s.Outcome.Action == ActionDeadLetter && done ||
		s.Outcome.Action != ActionDelete && !done && d.lastAttempt()
	h.observer.Settled(ctx, s)
}

// settlement describes a delivery. The priority is that of its queue.
func (h *Hub) settlement(d *Delivery, priority Priority) *Settlement {
	s := &Settlement{Priority: priority, Queue: d.Queue, Attempt: max(d.Attempt, 1)}
	if d.LogAttrs.name(s) {
		s.Registered = h.HasTask(s.Task)
		return s
	}
	if msg, _, err := readBody(d); err == nil { // no handler has read it yet
		s.Task, s.Priority, s.Registered = msg.Task, msg.Priority, h.HasTask(msg.Task)
	}
	return s
}

// name fills in which message the delivery is. It reports false if it was not read; l may
// be nil.
func (l *LogAttrs) name(s *Settlement) bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.message == nil {
		return false
	}
	s.Task, s.Priority = l.message.Task, l.message.Priority
	return true
}

// observerPatience is how long an observation may hold up what it observes.
const observerPatience = 100 * time.Millisecond

// errSlowObserver is the error of an observer that took longer.
var errSlowObserver = fmt.Errorf("the observer did not return within %s", observerPatience)

// guardedObserver is the user's observer as transports and workers call it. Polls,
// heartbeats and requests of many callers wait for it, so that it must never hold them.
type guardedObserver struct {
	observer Observer
	report   func(err error)
	late     atomic.Int32 // calls that have not returned in time, nor since
}

// guardObserver returns nil for nil.
func (h *Hub) guardObserver(observer Observer) Observer {
	if observer == nil {
		return nil
	}
	line := &minuteLine{}
	return &guardedObserver{observer: observer, report: func(err error) {
		if leftOut, ok := line.take(); ok {
			ctx := context.Background() //nolint:forbidigo // it may serve several callers
			h.report(ctx, slog.LevelError, "observer failed; some calls are not observed",
				slog.Int("left_out", leftOut), guard.ErrorAttr(err))
		}
	}}
}

// Settled calls the observer.
func (o *guardedObserver) Settled(ctx context.Context, settlement *Settlement) {
	o.try(func() { o.observer.Settled(ctx, settlement) })
}

// Call calls the observer. What it returns too late is ended all the same, so that it
// can release what it holds.
func (o *guardedObserver) Call(
	ctx context.Context, call *Call,
) (observed context.Context, end func(messages int, err error)) {
	var values context.Context
	var ended func(messages int, err error)
	//nolint:fatcontext // the observer's own, made once for a call
	begun := o.try(func() { values, ended = o.observer.Call(ctx, call) })
	if begun == nil {
		return ctx, func(int, error) {}
	}
	select {
	case <-begun:
	default:
		return ctx, func(messages int, err error) {
			go func() {
				<-begun
				if ended != nil {
					o.try(func() { ended(messages, err) })
				}
			}()
		}
	}
	observed = ctx
	if values != nil && values != ctx {
		observed = observedContext{Context: ctx, values: values}
	}
	return observed, func(messages int, err error) {
		if ended != nil {
			o.try(func() { ended(messages, err) })
		}
	}
}

// try calls f in a goroutine of its own, and waits for it for a moment. The channel is
// closed when f has returned; it is nil if f was not called, because an earlier call
// hangs.
func (o *guardedObserver) try(f func()) <-chan struct{} {
	if o.late.Load() > 0 {
		return nil
	}
	done := make(chan struct{})
	ended := guard.Start(f)
	timer := time.NewTimer(observerPatience)
	defer timer.Stop()
	select {
	case failure := <-ended:
		o.failed(failure)
		close(done)
	case <-timer.C:
		o.late.Add(1)
		o.report(errSlowObserver)
		go func() {
			failure := <-ended
			o.late.Add(-1)
			o.failed(failure)
			close(done)
		}()
	}
	return done
}

func (o *guardedObserver) failed(failure *guard.CallError) {
	switch {
	case failure == nil:
	case failure.Value == nil:
		o.report(errGoexit)
	default:
		o.report(&PanicError{Value: failure.Value, Stack: failure.Stack})
	}
}

// observedContext has the deadline and the end of one context and the values of another:
// an observer must not change when a request ends.
type observedContext struct {
	context.Context //nolint:containedctx // it is one

	values context.Context //nolint:containedctx // what the observer returned
}

// Value returns the value that the observer's context has for key.
func (c observedContext) Value(key any) any { return c.values.Value(key) }
