package faults_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// deadLetterQueue is where the default queue's dead letters go.
func deadLetterQueue() string { return sqsx.DeadLetterQueueName(queueName(taskhawk.Default)) }

// brokenError is an error one of whose methods does what f does.
type brokenError struct {
	method string
	f      func()
}

func (e brokenError) do(method string) string {
	if e.method == method {
		e.f()
	}
	return "broken"
}

func (e brokenError) Error() string   { return e.do("Error") }
func (e brokenError) Unwrap() error   { e.do("Unwrap"); return nil }
func (e brokenError) Is(error) bool   { e.do("Is"); return false }
func (e brokenError) As(any) bool     { e.do("As"); return false }
func (e brokenError) String() string  { return e.do("String") }
func (e brokenError) Timeout() bool   { e.do("Timeout"); return false }
func (e brokenError) Temporary() bool { return e.Timeout() }

// Errors whose methods panic, or end the goroutine, are failures like any other: the
// worker lives, the line names the type.
func TestT54ErrorsWhoseMethodsFail(t *testing.T) {
	t.Parallel()
	var typedNil *fs.PathError
	failures := map[string]error{"a typed nil": typedNil}
	for _, method := range []string{"Error", "Unwrap", "Is", "As"} {
		failures[method+" panics"] = brokenError{method, func() { panic("secret=hunter2") }}
		failures[method+" ends the goroutine"] = brokenError{method, runtime.Goexit}
	}
	for name, failure := range failures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handle := func(ctx context.Context, n int) error {
				switch attempt := taskhawk.MetadataFrom(ctx).Attempt; {
				case n == 0 && attempt == 1:
					return failure
				case n == 1:
					return taskhawk.Permanent(failure)
				}
				return nil
			}
			inBubble(t, setup{What: "methods of errors that do not return", Handle: handle}, func(r *env) {
				w := r.start(sqsx.WorkerConfig{})
				r.fill(10)
				r.drain(time.Minute)
				w.stop()
				require.Equal(r, 2, r.record.runs(0), "retried")
				require.Equal(r, 1, r.record.runs(1), "a dead letter at once")
				require.Len(r, r.letters(taskhawk.Default), 1)
				for _, text := range []string{"task failed; will be retried", "task failed for good"} {
					lines := r.sink.lines(text)
					require.Len(r, lines, 1)
					require.Contains(r, fmt.Sprint(lines[0].Attrs["error"]), fmt.Sprintf("%T: its ", failure), "the line names the type")
				}
				r.Check(want{Dead: 1})
			})
		})
	}
}

// A handler that asks for the dead-letter queue runs once, and leaves one letter, though
// its message cannot be deleted for a while.
func TestT58LetterStoredDeleteRefused(t *testing.T) {
	t.Parallel()
	handle := func(context.Context, int) error { return taskhawk.Permanent(errors.New("never")) }
	inBubble(t, setup{What: "a delete refused behind a dead letter", Handle: handle}, func(r *env) {
		refusal := r.server.Inject(sqstest.Fault{On: sqstest.OpDeleteMessageBatch, Do: sqstest.Error("AccessDenied", "no")})
		w := r.start(sqsx.WorkerConfig{})
		r.fill(5)
		time.Sleep(10 * time.Minute)
		require.Positive(r, refusal.Fired())
		refusal.Remove()
		r.drain(2 * time.Hour)
		w.stop()
		require.Equal(r, 5, r.record.total(), "each runs once")
		require.Len(r, r.letters(taskhawk.Default), 5, "and has one letter")
		require.EqualValues(r, 5, w.Stats().Dead)
		r.Check(want{Dead: 5})
	})
}

// Without the permission to delete, receives slow down when as much is done as the worker
// remembers: tasks neither run again nor become dead letters by the thousand.
func TestT59DeletesRefusedForLong(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "deletes refused for half an hour, with a backlog"}, func(r *env) {
		const total = 6000
		refusal := r.server.Inject(sqstest.Fault{On: sqstest.OpDeleteMessageBatch, Do: sqstest.Error("AccessDenied", "no")})
		r.fill(total)
		w := r.start(sqsx.WorkerConfig{Concurrency: 50})
		time.Sleep(30 * time.Minute)
		require.LessOrEqual(r, r.record.total(), 4096, "no more run than are remembered")
		require.Equal(r, r.record.distinct(), r.record.total(), "none of them twice")
		require.Empty(r, r.letters(taskhawk.Default))
		lines := r.sink.lines("deletes fail; receives slowed down")
		require.NotEmpty(r, lines)
		require.LessOrEqual(r, len(lines), 31, "a line a minute")
		refusal.Remove()
		r.drain(3 * time.Hour)
		w.stop()
		require.Equal(r, total, r.record.total())
		r.Check(want{Stranded: total}) // what is done is hidden until it can be deleted
	})
}

// ExtendVisibility waits for an extension under way, so that the service and the worker
// agree on the end of the lease.
func TestT60ExtendBesideAHeartbeat(t *testing.T) {
	t.Parallel()
	handle := func(ctx context.Context, _ int) error {
		time.Sleep(15*time.Second + 50*time.Millisecond) // the heartbeat of half of 30 s is under way
		if err := taskhawk.ExtendVisibility(ctx, 10*time.Minute); err != nil {
			return err
		}
		time.Sleep(5 * time.Minute)
		return nil
	}
	inBubble(t, setup{What: "ExtendVisibility beside a heartbeat", Handle: handle}, func(r *env) {
		changes := r.watch(sqstest.OpChangeMessageVisibilityBatch)
		// The heartbeat would take effect last and answer first.
		r.server.Inject(sqstest.Fault{On: sqstest.OpChangeMessageVisibilityBatch, Nth: 1, Do: sqstest.Delay(600 * time.Millisecond)})
		w := r.start(sqsx.WorkerConfig{})
		r.fill(1)
		r.drain(6 * time.Minute)
		w.stop()
		require.Equal(r, 1, r.record.total(), "one run")
		require.Equal(r, 2, changes.count(""), "the heartbeat, and the extension by hand")
		require.Zero(r, w.Stats().LostLeases)
		r.Check(want{})
	})
}

// A message that its handler gives back runs at once, beside that handler. What the handler
// returns later is applied to nothing.
func TestT60GivenBackByItsHandler(t *testing.T) {
	t.Parallel()
	for name, result := range map[string]error{
		"done": nil, "failed": errFault, "permanent": taskhawk.Permanent(errFault),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handle := func(ctx context.Context, _ int) error {
				if taskhawk.MetadataFrom(ctx).Attempt > 1 {
					time.Sleep(2 * time.Minute)
					return nil
				}
				if err := taskhawk.ExtendVisibility(ctx, 0); err != nil {
					return err
				}
				time.Sleep(time.Minute)
				return result
			}
			inBubble(t, setup{What: "a handler that gives its message back and goes on", Handle: handle}, func(r *env) {
				w := r.start(onlyDefault())
				r.fill(5)
				r.drain(3 * time.Minute)
				w.stop()
				ledger := r.server.Ledger()
				require.Equal(r, 10, r.record.total())
				for n := range 5 {
					times := r.record.runTimes(n)
					require.Less(r, times[1].Sub(times[0]), 2*time.Second, "task %d", n)
				}
				require.Equal(r, 10, ledger.Count(sqstest.Received))
				require.Equal(r, 5, ledger.Count(sqstest.Deleted))
				require.Zero(r, ledger.Count(sqstest.DeleteIgnored))
				require.EqualValues(r, 5, w.Stats().Retried)
				r.Check(want{Duplicates: 5})
			})
		})
	}
}

// The lease is held while the dead-letter queue is slow or silent: one run, one letter.
func TestT61LeaseHeldWhileALetterIsSent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		visibility, takes time.Duration
		fault             sqstest.Fault
	}{
		"silent twice": {30 * time.Second, 14 * time.Second, sqstest.Fault{Nth: 1, Times: 2, Do: sqstest.Silence()}},
		"slow":         {5 * time.Second, time.Second, sqstest.Fault{Do: sqstest.Delay(9 * time.Second)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handle := func(context.Context, int) error {
				time.Sleep(c.takes)
				return taskhawk.Permanent(errors.New("never"))
			}
			inBubble(t, setup{What: "a dead-letter queue that is slow or silent", Handle: handle}, func(r *env) {
				c.fault.Queue = deadLetterQueue()
				c.fault.If = func(request sqstest.Request) bool { return strings.HasPrefix(request.Operation, "SendMessage") }
				injected := r.server.Inject(c.fault)
				w := r.start(sqsx.WorkerConfig{VisibilityTimeout: c.visibility})
				r.fill(1)
				r.drain(10 * time.Minute)
				w.stop()
				require.Positive(r, injected.Fired())
				require.Equal(r, 1, r.record.total(), "one run")
				require.Len(r, r.letters(taskhawk.Default), 1, "one letter")
				r.Check(want{Dead: 1})
			})
		})
	}
}
