package sqstest

import (
	"context"
	"fmt"
	"time"
)

const functionPrefix = "arn:aws:lambda:" + region + ":" + accountID + ":function:"

// Function is what stands for a Lambda function: it gets the JSON of an event.
// Its context ends when the server closes.
type Function func(ctx context.Context, event []byte) error

// Register gives a function a name and returns its ARN, to be the endpoint of a
// subscription with the protocol lambda. Each message of the topic runs it in a
// goroutine of its own, as an asynchronous invocation does: an error or a panic
// is tried again after one and after two more minutes. Close waits for it.
func (s *Server) Register(name string, function Function) (arn string) {
	s.account.mu.Lock()
	defer s.account.mu.Unlock()
	arn = functionPrefix + name
	s.account.functions[arn] = function
	return arn
}

// invoke starts the function of a subscription, which the caller's lock does not
// hold up.
func (a *account) invoke(ctx context.Context, s *subscription, p *publication) {
	function := a.functions[s.endpoint]
	switch {
	case function == nil:
		a.giveUp(s, p, "The function does not exist.")
	case !a.isClosed():
		ctx = lifetime{Context: context.WithoutCancel(ctx), closed: a.closed}
		event := p.eventFor(s)
		a.runs.Go(func() { a.run(ctx, func(ctx context.Context) error { return safely(ctx, function, event) }, s, p) })
	}
}

// run invokes a function up to three times.
func (a *account) run(ctx context.Context, function func(context.Context) error, s *subscription, p *publication) {
	for attempt := range 3 {
		if !sleep(ctx, time.Duration(attempt)*time.Minute) {
			return
		}
		a.noteInvocation(p, s)
		if function(ctx) == nil {
			return
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.giveUp(s, p, "The function failed three times.")
}

func (a *account) noteInvocation(p *publication, s *subscription) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.recordTopic(Invoked, p, s, "")
}

// safely makes an error of a panic.
func safely(ctx context.Context, function Function, event []byte) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("panic: %v", value)
		}
	}()
	return function(ctx, event)
}

// sleep is false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// lifetime is a context that ends with the server.
type lifetime struct {
	context.Context //nolint:containedctx // it is one

	closed <-chan struct{}
}

// Done is closed when the server is.
func (l lifetime) Done() <-chan struct{} { return l.closed }

// Err says so.
func (l lifetime) Err() error {
	select {
	case <-l.closed:
		return context.Canceled
	default:
		return nil
	}
}
