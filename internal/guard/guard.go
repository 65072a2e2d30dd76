// Package guard calls code that this module's users wrote: methods of their errors, their
// log handlers, their implementations of interfaces. Such code may panic, or end its
// goroutine by runtime.Goexit as t.FailNow does. Neither gets past this package. Code
// that hangs holds the goroutine that called it, and nothing else.
package guard

import "runtime/debug"

// Failure says how a call ended that did not return.
type Failure struct {
	// Value is what the call panicked with; nil when it ended its goroutine.
	Value any
	// Stack is the stack at the panic, as runtime/debug.Stack formats it; nil when it
	// ended its goroutine.
	Stack []byte
}

// String says what the call did.
func (f *Failure) String() string {
	if f.Value == nil {
		return "ended its goroutine"
	}
	return "panicked"
}

// Call runs f in a goroutine of its own, waits for it, and returns how it failed; nil
// when it returned. The goroutine costs about a microsecond, so Call is for failures and
// for what happens once in a request, not for every message.
func Call(f func()) *Failure {
	failure := &Failure{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if value := recover(); value != nil {
				failure = &Failure{Value: value, Stack: debug.Stack()}
			}
		}()
		f()
		failure = nil
	}()
	<-done
	return failure
}
