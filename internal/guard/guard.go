// Package guard calls code that this module's users wrote: methods of their errors,
// their log handlers, their implementations of interfaces. Such code may panic, or end
// its goroutine by runtime.Goexit as t.FailNow does. This package turns both into
// errors. Code that hangs blocks the goroutine that called it, and nothing else.
package guard

import (
	"fmt"
	"runtime/debug"
	"time"
)

// CallError is the error of a call that did not return.
type CallError struct {
	// Value is the value of the panic; nil if the call ended its goroutine.
	Value any
	// Stack is the stack at the panic, as runtime/debug.Stack formats it; nil when it
	// ended its goroutine.
	Stack []byte
}

// Error names the type of the panic value, which may hold secrets, and not the value.
func (f *CallError) Error() string {
	if f.Value == nil {
		return "the goroutine was ended by runtime.Goexit"
	}
	return fmt.Sprintf("panic (%T)", f.Value)
}

// verb returns how the call ended.
func (f *CallError) verb() string {
	if f.Value == nil {
		return "ended its goroutine"
	}
	return "panicked"
}

// Call runs f in its own goroutine, waits for it, and returns how it failed, nil if it
// returned. The goroutine costs about a microsecond, so Call is for failures and for
// code that runs once in a request, not for every message.
func Call(f func()) *CallError { return <-Start(f) }

// Start is Call without the wait: the channel receives how f failed, nil if it returned.
func Start(f func()) <-chan *CallError {
	ended := make(chan *CallError, 1)
	go func() {
		returned := false
		defer func() {
			var failure *CallError
			if value := recover(); value != nil {
				failure = &CallError{Value: value, Stack: debug.Stack()}
			} else if !returned { // runtime.Goexit
				failure = &CallError{}
			}
			ended <- failure
		}()
		f()
		returned = true
	}()
	return ended
}

// fallbackDelay is the delay if a backoff does not return: the longest delay of a
// worker's default backoff.
const fallbackDelay = 15 * time.Minute

// Backoff returns a function that calls backoff for the delay after an attempt, never
// negative. If backoff does not return, the function calls report and returns 15
// minutes.
func Backoff(backoff func(attempt int) time.Duration, report func(failure error)) func(attempt int) time.Duration {
	return func(attempt int) (delay time.Duration) {
		if failure := Call(func() { delay = backoff(attempt) }); failure != nil {
			report(failure)
			return fallbackDelay
		}
		return max(delay, 0)
	}
}
