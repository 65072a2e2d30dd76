package taskhawk

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
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
	// OperationDelete deletes messages.
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
	// Sent holds the messages of a send, which may come from several callers. It leaves
	// out dead letters. It is nil for other operations.
	Sent []*Outgoing
}

// Settlement describes how a message was settled after its handler returned, or that its
// lease was lost. Observers only read it.
type Settlement struct {
	// Task is the task name in the message. Any sender to the queue can choose it. It is
	// empty if the message cannot be read.
	Task string
	// Registered reports whether the hub has a task of that name. Metrics must not use an
	// unregistered name as a label.
	Registered bool
	// Priority is the priority of the message, or of its queue if the message cannot be
	// read.
	Priority Priority
	// Queue is the name of the queue, empty where there is none.
	Queue string
	// Attempt counts the deliveries of the message, from 1.
	Attempt int
	// Outcome is what [OutcomeOf] decided, if Lost is not set. For a message that its
	// handler gave back by [ExtendVisibility] it is a retry without a delay.
	Outcome Outcome
	// Lost reports whether the lease on the message is lost. The message is delivered
	// again. The result of its handler has no effect on this delivery.
	Lost bool
	// DeadLetter reports whether the message becomes a dead letter. It was sent to the
	// dead-letter queue, or it failed at its last attempt and Delivery.MaxAttempts is
	// known.
	DeadLetter bool
	// Err is the reason why the message could not be settled and is delivered again. It
	// is nil if the message is settled.
	Err error
}

// Observer sees the requests of a transport, which serve many dispatches and handlers,
// and how messages are settled. Set it as Config.Observer. Package oteltaskhawk turns
// them into traces and metrics.
//
// Its methods are called concurrently, and never under a lock. They cannot fail or delay
// what they observe. A panic loses only the observation. A call that takes longer than
// 100 ms is left to run, and nothing else is observed until it returns.
type Observer interface {
	// Call is called before each request. It returns the context of the request, of which
	// only the values are used, and a function to call when the request has ended. That
	// function gets the number of messages received, stored, deleted or changed, and the
	// error of the whole request. Both results may be nil.
	//
	// For a request that serves several callers, ctx has the values of none of them.
	// Call.Sent has the messages of all.
	Call(ctx context.Context, call *Call) (context.Context, func(messages int, err error))
	// Settled is called once for each delivery whose handler was called. It is called
	// when the message is settled, when settling failed, or when the lease is lost. It is
	// also called for a message whose handler was never called, if it lost its lease or
	// was given back at its last attempt. It is not called for a handler that a stop left
	// running.
	Settled(ctx context.Context, settlement *Settlement)
}

// Observer returns Config.Observer in the form that transports call: its methods never
// panic and return within 100 ms. It returns nil if there is none.
func (h *Hub) Observer() Observer { return h.observer.orNil() }

// HasTask reports whether a task of that name is registered with the hub.
func (h *Hub) HasTask(name string) bool {
	_, ok := h.tasks[name]
	return ok
}

// Settled reports a settled delivery to Config.Observer. handled is the error of
// [Hub.Handle]; done and err are the results of [Settle]. Transports without a [Worker]
// call it. It returns within 100 ms and is safe for concurrent use.
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

// settlement describes a delivery. priority is the priority of its queue.
func (h *Hub) settlement(d *Delivery, priority Priority) *Settlement {
	s := &Settlement{Priority: priority, Queue: d.Queue, Attempt: max(d.Attempt, 1)}
	if message := d.LogAttrs.read(); message != nil {
		s.Task, s.Priority, s.Registered = message.task, message.priority, h.HasTask(message.task)
		return s
	}
	if msg, _, err := readBody(d); err == nil { // no handler has read it yet
		s.Task, s.Priority, s.Registered = msg.Task, msg.Priority, h.HasTask(msg.Task)
	}
	return s
}

// observerPatience is the longest time that an observation may delay what it observes.
const observerPatience = 100 * time.Millisecond

// errSlowObserver is reported for an observer that took longer.
var errSlowObserver = fmt.Errorf("the observer did not return within %s", observerPatience)

// guardedObserver wraps the user's observer. Polls, heartbeats and the requests of many
// callers wait for it, so it must never block.
type guardedObserver struct {
	observer Observer
	report   func(err error)
	late     atomic.Int32 // calls that are late and still running
}

// guardObserver returns nil for nil.
func (h *Hub) guardObserver(observer Observer) *guardedObserver {
	if observer == nil {
		return nil
	}
	line := &minuteLine{}
	return &guardedObserver{observer: observer, report: func(err error) {
		if leftOut, ok := line.take(); ok {
			ctx := context.Background() //nolint:forbidigo // it may serve several callers
			h.report(ctx, slog.LevelError, "observer failed; some calls are not observed",
				leftOutAttr(leftOut), guard.ErrorAttr(err))
		}
	}}
}

// orNil returns o, or a nil interface if it is nil.
func (o *guardedObserver) orNil() Observer {
	if o == nil {
		return nil
	}
	return o
}

// Settled calls the observer.
func (o *guardedObserver) Settled(ctx context.Context, settlement *Settlement) {
	o.try(func() { o.observer.Settled(ctx, settlement) })
}

// Call calls the observer. If the observer returns late, its function is still called, so
// that it can release what it holds.
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

// try calls f in a new goroutine and waits up to observerPatience. It closes the channel
// when f returns. The channel is nil if an earlier call hangs, so that f was not called.
func (o *guardedObserver) try(f func()) <-chan struct{} {
	if o.late.Load() > 0 {
		return nil
	}
	done := make(chan struct{})
	ended := guard.Start(f)
	if failure, returned := inPatience(ended); returned {
		o.failed(failure)
		close(done)
		return done
	}
	o.late.Add(1)
	o.report(errSlowObserver)
	go func() {
		failure := <-ended
		o.late.Add(-1)
		o.failed(failure)
		close(done)
	}()
	return done
}

// inPatience returns the end of an observation. It reports false if there is none within
// observerPatience.
func inPatience(ended <-chan *guard.CallError) (failure *guard.CallError, returned bool) {
	timer := time.NewTimer(observerPatience)
	defer timer.Stop()
	select {
	case failure = <-ended:
		return failure, true
	case <-timer.C:
	}
	// A process that did not run meanwhile has not given the observer its time.
	runtime.Gosched()
	select {
	case failure = <-ended:
		return failure, true
	default:
		return nil, false
	}
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

// observedContext takes its deadline and cancellation from one context and its values
// from another. An observer must not change when a request ends.
type observedContext struct {
	context.Context //nolint:containedctx // it is one

	values context.Context //nolint:containedctx // what the observer returned
}

// Value returns the value that the observer's context has for key.
func (c observedContext) Value(key any) any { return c.values.Value(key) }
