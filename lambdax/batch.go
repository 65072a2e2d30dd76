package lambdax

import (
	"context"
	"sync"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// batch runs the records of one invocation. It belongs to that alone: nothing of it survives in a warm process but a handler that does not
// return.
type batch struct {
	hub     *taskhawk.Hub
	set     *settings
	budget  budget
	records []record

	mu       sync.Mutex
	first    int                   // no record before it waits
	groups   map[string]groupState // of FIFO groups; none for one that is free
	halted   bool                  // nothing is started any more
	closed   bool                  // the answer is made: what handlers still do no longer counts
	workers  int
	finished chan struct{} // closed when no worker is left
}

// groupState is why no message of a FIFO group may be started.
type groupState uint8

const (
	groupBusy groupState = iota + 1
	groupFailed
)

// run brings every record to its end, in time, and returns the errors of those that are not done.
func (b *batch) run(ctx context.Context) []*RecordError {
	if len(b.records) == 0 {
		return nil
	}
	handling, cancel := b.budget.handling(ctx)
	defer cancel()
	b.finished = make(chan struct{})
	b.workers = min(b.set.concurrency, len(b.records))
	for range b.workers {
		go b.work(handling)
	}
	select {
	case <-b.finished:
	case <-handling.Done():
	}
	b.leaveOut(ctx, context.Cause(handling))
	b.await()
	failed := b.close()
	b.reportLate(ctx, failed)
	return failed
}

// await returns when no worker is left, or the answer has to leave.
func (b *batch) await() {
	select {
	case <-b.finished:
		return
	default:
	}
	answer, stop := b.budget.timer()
	defer stop()
	select {
	case <-b.finished:
	case <-answer:
	}
}

// work runs records until there is none to start. A handler may end its goroutine by runtime.Goexit: another takes over then.
func (b *batch) work(handling context.Context) {
	exited := true
	defer func() {
		if exited {
			go b.work(handling)
			return
		}
		b.leave()
	}()
	for r := b.next(handling); r != nil; r = b.next(handling) {
		b.handle(handling, r)
	}
	exited = false
}

func (b *batch) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.workers--; b.workers == 0 {
		close(b.finished)
	}
}

// next takes the first record that may be started, nil for none. What waits behind a busy group is left to the worker that is busy with it.
func (b *batch) next(handling context.Context) *record {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.halted || handling.Err() != nil {
		return nil
	}
	for i := b.first; i < len(b.records); i++ {
		r := &b.records[i]
		switch {
		case r.state != waiting:
			if i == b.first {
				b.first++
			}
		case !r.ordered:
			r.state = running
			return r
		case b.groups[r.delivery.Group] == 0:
			r.state = running
			b.mark(r, groupBusy)
			return r
		}
	}
	return nil
}

// handle runs a record and settles it.
func (b *batch) handle(handling context.Context, r *record) {
	err := errGoexit
	defer func() {
		if err == errGoexit { //nolint:errorlint // it is set above, and nothing wraps it
			b.report(handling, &r.delivery, "task failed, will be retried", err)
		}
		b.finish(r, b.settle(handling, r, err))
	}()
	err = b.hub.Handle(handling, &r.delivery)
}

// finish notes what became of a record, unless the answer has said so already.
func (b *batch) finish(r *record, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	r.state, r.err = over, err
	switch {
	case !r.ordered:
	case err == nil:
		delete(b.groups, r.delivery.Group)
	default:
		b.mark(r, groupFailed)
		b.halted = b.halted || !b.set.skipGroups
	}
}

// mark says why nothing of a record's group may be started.
func (b *batch) mark(r *record, state groupState) {
	if b.groups == nil {
		b.groups = map[string]groupState{}
	}
	b.groups[r.delivery.Group] = state
}

// close ends the batch and returns what failed, in the order of the event.
func (b *batch) close() []*RecordError {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	var failed []*RecordError
	for i := range b.records {
		r := &b.records[i]
		if r.state == running {
			r.err = ErrAbandoned
		}
		if r.err != nil {
			failed = append(failed, &RecordError{MessageID: r.delivery.MessageID, Err: r.err})
		}
	}
	return failed
}
