package guard_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/internal/guard"
)

var errDown = errors.New("down")

func TestCall(t *testing.T) {
	t.Parallel()
	require.Nil(t, guard.Call(func() {}))
	panicked := guard.Call(func() { panic(errDown) })
	require.Equal(t, errDown, panicked.Value)
	require.Contains(t, string(panicked.Stack), "TestCall")
	require.EqualError(t, panicked, "panic (*errors.errorString)")
	exited := guard.Call(runtime.Goexit)
	require.Nil(t, exited.Value)
	require.EqualError(t, exited, "the goroutine was ended by runtime.Goexit")
	require.NotNil(t, guard.Call(func() { panic(nil) }).Value, "a panic all the same") //nolint:govet // on purpose
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	var failures []string
	report := func(failure error) { failures = append(failures, failure.Error()) }
	for want, backoff := range map[time.Duration]func(int) time.Duration{
		3 * time.Second:  func(attempt int) time.Duration { return time.Duration(attempt) * time.Second },
		0:                func(int) time.Duration { return -1 },
		15 * time.Minute: func(int) time.Duration { panic("x") },
	} {
		require.Equal(t, want, guard.Backoff(backoff, report)(3))
	}
	require.Equal(t, []string{"panic (string)"}, failures)
	require.Equal(t, 15*time.Minute, guard.Backoff(func(int) time.Duration { runtime.Goexit(); return 0 }, report)(1))
	require.Len(t, failures, 2)
}

// faulty is an error with one method that does what f does.
type faulty struct {
	method string
	f      func()
}

func (e faulty) do(method string) {
	if e.method == method {
		e.f()
	}
}

func (e faulty) Error() string {
	e.do("Error")
	return "faulty"
}

func (e faulty) Unwrap() error {
	e.do("Unwrap")
	return errDown
}

func (e faulty) Is(error) bool {
	e.do("Is")
	return false
}

func (e faulty) As(any) bool {
	e.do("As")
	return false
}

func TestErrorNamesTheTypeAndTheMethod(t *testing.T) {
	t.Parallel()
	for how, f := range map[string]func(){"panicked": func() { panic("x") }, "ended its goroutine": runtime.Goexit} {
		for _, method := range []string{"Error", "Unwrap", "Is", "As"} {
			broken := faulty{method, f}
			safe := guard.Error(broken)
			blame := "guard_test.faulty: its " + method + " method " + how
			if method == "Error" {
				require.EqualError(t, safe, blame)
				require.Equal(t, blame, guard.Text(broken))
			} else {
				require.EqualError(t, safe, "faulty ("+blame+")")
				require.Equal(t, "faulty", guard.Text(broken))
			}
			require.ErrorAs(t, safe, new(faulty), method)
			require.NotErrorIs(t, safe, fs.ErrExist, method)
			require.Equal(t, method != "Unwrap", errors.Is(safe, errDown), "what it wraps is found where it says so")
			require.Same(t, safe, guard.Error(safe), "once is enough")
			require.NotErrorIs(t, guard.Error(fmt.Errorf("x: %w", safe)), fs.ErrExist)
		}
	}
}

func TestErrorLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	require.NoError(t, guard.Error(nil))
	require.Empty(t, guard.Text(nil))
	for _, err := range []error{errDown, fmt.Errorf("x: %w", errDown), errors.Join(errDown, fs.ErrExist), uncomparable{"a"}} {
		require.Equal(t, err, guard.Error(err))
		require.Equal(t, err.Error(), guard.Text(err))
	}
}

// silent is an error that a nil pointer has no text for.
type silent struct{ text string }

func (e *silent) Error() string { return e.text }

// uncomparable cannot be compared with ==.
type uncomparable []string

func (e uncomparable) Error() string { return strings.Join(e, " ") }

func TestErrorBlamesTheInnermost(t *testing.T) {
	t.Parallel()
	var broken *fs.PathError
	joined := guard.Error(errors.Join(errDown, broken, uncomparable{"a"}))
	require.EqualError(t, joined, "*fs.PathError: its Error method panicked")
	require.ErrorIs(t, joined, errDown)
	require.NotErrorIs(t, joined, uncomparable{"a"}, "as errors.Is has it")
	found, ok := guard.As[uncomparable](joined)
	require.True(t, ok, "behind the one that panics")
	require.Equal(t, uncomparable{"a"}, found)
	wrapped := fmt.Errorf("read: %w", faulty{"Error", func() { panic("secret") }})
	require.EqualError(t, guard.Error(wrapped), "read: (guard_test.faulty: its Error method panicked)")
	var typedNil *silent
	require.EqualError(t, guard.Error(fmt.Errorf("read: %w", error(typedNil))),
		"read: <nil> (*guard_test.silent: its Error method panicked)")
	_, ok = guard.As[*os.SyscallError](errors.Join(broken, errDown))
	require.False(t, ok)

	picky := faulty{"Is", func() { panic("secret") }}
	require.True(t, guard.Is(fmt.Errorf("read: %w", errors.Join(picky, errDown)), errDown), "behind the one that panics")
	require.False(t, guard.Is(errors.Join(picky, fs.ErrClosed), fs.ErrExist))
	require.True(t, guard.Is(errDown, errDown))
}

func TestLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                           "",
		"plain text, \"quoted\"":     "plain text, \"quoted\"",
		"caf\u00e9 \u4e16\u754c":     "caf\u00e9 \u4e16\u754c",
		"a\nb\r\tc":                  `a\nb\r\tc`,
		"\x00\x1b[31m\x7f":           `\x00\x1b[31m\x7f`,
		"\u009b\u0085":               `\u009b\u0085`,
		"\u2028\u2029\u202e":         `\u2028\u2029\u202e`,
		"\xff\ufffd":                 "\\xff\ufffd",
		strings.Repeat("x", 20):      strings.Repeat("x", 20),
		strings.Repeat("x", 21):      strings.Repeat("x", 20) + "...",
		strings.Repeat("\n", 21):     strings.Repeat(`\n`, 10) + "...",
		strings.Repeat("\u00e9", 11): strings.Repeat("\u00e9", 10) + "...",
	} {
		require.Equal(t, want, guard.Line(text, 20), "%q", text)
	}
}
