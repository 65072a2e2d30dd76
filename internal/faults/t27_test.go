package faults_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// panics are the ways in which a handler ends without returning, by what the log says of them.
func panics() map[string]func() {
	return map[string]func(){
		"panic (string)":                                    func() { panic("token " + canaryArgument) },
		"panic (*errors.errorString)":                       func() { panic(errFault) },
		"panic (runtime.boundsError)":                       func() { _ = make([]int, 3)[len(canaryKey):] },
		"panic (runtime.plainError)":                        func() { nothing()[canaryKey] = 1 },
		"panic (faults_test.jobArgs)":                       func() { panic(newArgs(1)) },
		"panic (*runtime.PanicNilError)":                    func() { panic(nil) }, //nolint:govet // as a handler might
		"the handler ended its goroutine by runtime.Goexit": runtime.Goexit,
	}
}

// nothing is a map that was not made.
func nothing() map[string]int { return nil }

func TestT27HandlerPanics(t *testing.T) {
	t.Parallel()
	for text, end := range panics() {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			handle := func(ctx context.Context, n int) error {
				if n == 0 && taskhawk.MetadataFrom(ctx).Attempt < 3 {
					end()
				}
				return nil
			}
			inBubble(t, setup{What: "the handler panics, or ends its goroutine", Handle: handle}, func(r *rig) {
				w := r.start(sqsx.WorkerConfig{Concurrency: 1})
				r.fill(10)
				time.Sleep(time.Second)
				require.Equal(r, 10, r.book.distinct(), "the slot of the one that panicked is free")
				require.Equal(r, 1, r.left(), "it is not deleted")
				r.drain(time.Minute)
				w.stop()
				times := r.book.runTimes(0)
				require.Len(r, times, 3)
				require.GreaterOrEqual(r, times[1].Sub(times[0]), 2500*time.Millisecond, "backoff")
				require.GreaterOrEqual(r, times[2].Sub(times[1]), 5*time.Second)
				requirePanicLines(r, text)
				r.Check(want{})
			})
		})
	}
}

// requirePanicLines looks for what the log says of two panics: the type of the value, not the value, and the stack.
func requirePanicLines(r *rig, text string) {
	r.Helper()
	lines := r.sink.lines("task failed, will be retried")
	require.Len(r, lines, 2)
	for _, line := range lines {
		require.Equal(r, text, line.Attrs["error"])
		if strings.HasPrefix(text, "panic") {
			require.Contains(r, line.Attrs["stack"], "t27_test.go")
		}
	}
}
