package faults_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// panics are the ways in which a handler ends without returning, by what the log says of
// them.
func panics() map[string]func() {
	return map[string]func(){
		"panic (string)":                            func() { panic("token " + canaryArgument) },
		"panic (*errors.errorString)":               func() { panic(errFault) },
		"panic (runtime.boundsError)":               func() { _ = make([]int, 3)[len(canaryKey):] },
		"panic (runtime.plainError)":                func() { nothing()[canaryKey] = 1 },
		"panic (faults_test.jobArgs)":               func() { panic(newArgs(1)) },
		"panic (*runtime.PanicNilError)":            func() { panic(nil) }, //nolint:govet // as a handler might
		"the goroutine was ended by runtime.Goexit": runtime.Goexit,
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
			inBubble(t, setup{What: "the handler panics, or ends its goroutine", Handle: handle}, func(r *env) {
				w := r.start(sqsx.WorkerConfig{Concurrency: 1})
				r.fill(10)
				time.Sleep(time.Second)
				require.Equal(r, 10, r.record.distinct(), "the slot of the one that panicked is free")
				require.Equal(r, 1, r.left(), "it is not deleted")
				r.drain(time.Minute)
				w.stop()
				times := r.record.runTimes(0)
				require.Len(r, times, 3)
				require.GreaterOrEqual(r, times[1].Sub(times[0]), 2500*time.Millisecond, "backoff")
				require.GreaterOrEqual(r, times[2].Sub(times[1]), 5*time.Second)
				requirePanicLines(r, text)
				r.Check(want{})
			})
		})
	}
}

// requirePanicLines looks for what the log says of two panics: the type of the value, not
// the value, and the stack.
func requirePanicLines(r *env, text string) {
	r.Helper()
	lines := r.sink.lines("task failed; will be retried")
	require.Len(r, lines, 2)
	for _, line := range lines {
		require.Equal(r, text, line.Attrs["error"])
		if strings.HasPrefix(text, "panic") {
			require.Contains(r, line.Attrs["stack"], "handlers_test.go")
		}
	}
}

// hanging is how long a handler hangs: no bubble ends before its goroutines.
const hanging = time.Hour

// A handler that ignores the end of its context cannot be ended. It keeps its slot, and
// its message; everything else goes on.
func TestT29HandlerHangsForEver(t *testing.T) {
	t.Parallel()
	hang := func(_ context.Context, n int) error {
		if n < 0 {
			time.Sleep(hanging)
		}
		return nil
	}
	inBubble(t, setup{What: "a handler hangs and ignores its context", Handle: hang}, func(r *env) {
		w := r.start(sqsx.WorkerConfig{Concurrency: 2, GracePeriod: 10 * time.Second})
		r.dispatch(-1)
		time.Sleep(time.Second)
		r.fillAll(50)
		time.Sleep(time.Minute)
		require.Equal(r, 1, r.left(), "all others ran in the other slot")
		time.Sleep(20 * time.Minute)
		r.fillAll(50)
		time.Sleep(time.Minute)
		require.Equal(r, 1, r.left())
		stats := w.Stats()
		require.Equal(r, 1, stats.Running)
		require.Equal(r, 22*time.Minute+time.Second, stats.LongestRun)
		require.Equal(r, 1, r.record.runs(-1), "it is held by heartbeat: no other worker starts it")

		start := time.Now()
		w.cancel()
		var late *taskhawk.StopError
		require.ErrorAs(r, w.wait(), &late)
		require.Equal(r, []string{r.job.Name()}, late.Tasks)
		require.LessOrEqual(r, time.Since(start), 11*time.Second)
		time.Sleep(time.Second)
		require.Equal(r, 1, r.server.Queue(queueName(taskhawk.Default)).Visible, "released: another worker may try it")
		time.Sleep(hanging)
		r.Check(want{Left: 1})
	})
}

func TestT29TimeoutOfATask(t *testing.T) {
	t.Parallel()
	var causes []error
	slow := func(ctx context.Context, _ jobArgs) error {
		<-ctx.Done()
		causes = append(causes, context.Cause(ctx))
		if len(causes) < 3 {
			return ctx.Err()
		}
		return taskhawk.Ignore(ctx.Err())
	}
	var task *taskhawk.Task[jobArgs]
	tasks := func(r *env) []taskhawk.AnyTask {
		task = taskhawk.New("tests.slow", instrument(r, slow), taskhawk.WithTimeout(10*time.Second))
		return []taskhawk.AnyTask{task}
	}
	inBubble(t, setup{What: "the timeout of a task", Tasks: tasks}, func(r *env) {
		w := r.start(sqsx.WorkerConfig{Concurrency: 1})
		_, err := task.Dispatch(r.Context(), newArgs(1))
		require.NoError(r, err)
		time.Sleep(10*time.Second - time.Nanosecond)
		require.Equal(r, 1, w.Stats().Running)
		r.fill(20)
		time.Sleep(time.Second)
		require.Equal(r, 20, r.record.distinct(), "the slot is free again")
		r.drain(2 * time.Minute)
		w.stop()
		require.Len(r, causes, 3)
		for _, cause := range causes {
			require.ErrorIs(r, cause, taskhawk.ErrTimeout)
		}
		require.Contains(r, r.sink.lines("task failed; will be retried")[0].Attrs["error"], "task timeout exceeded after 10s")
		r.Check(want{})
	})
}

// sick is what a callback of the user does while it is sick: it panics, or blocks for a
// minute.
type sick struct {
	now    atomic.Bool
	blocks bool
}

func (s *sick) act() {
	if !s.now.Load() {
		return
	}
	if s.blocks {
		time.Sleep(time.Minute)
		return
	}
	panic(errFault)
}

// sickHandler is a log handler that gets sick.
type sickHandler struct {
	slog.Handler
	*sick
}

// Enabled is asked before each line.
func (h sickHandler) Enabled(ctx context.Context, level slog.Level) bool {
	h.act()
	return h.Handler.Enabled(ctx, level)
}

// Handle writes a line.
func (h sickHandler) Handle(ctx context.Context, record slog.Record) error {
	h.act()
	return h.Handler.Handle(ctx, record)
}

// callbacks are the callbacks of the user that a worker calls, each made sick.
func callbacks() map[string]func(*sick, *taskhawk.Config, *sqsx.WorkerConfig) {
	return map[string]func(*sick, *taskhawk.Config, *sqsx.WorkerConfig){
		"logger": func(s *sick, hub *taskhawk.Config, _ *sqsx.WorkerConfig) {
			hub.Logger = slog.New(sickHandler{hub.Logger.Handler(), s})
		},
		"middleware before": func(s *sick, hub *taskhawk.Config, _ *sqsx.WorkerConfig) {
			hub.Middleware = append(hub.Middleware, func(next taskhawk.Handler) taskhawk.Handler {
				return func(ctx context.Context, msg *taskhawk.Message) error {
					s.act()
					return next(ctx, msg)
				}
			})
		},
		"middleware after": func(s *sick, hub *taskhawk.Config, _ *sqsx.WorkerConfig) {
			hub.Middleware = append(hub.Middleware, func(next taskhawk.Handler) taskhawk.Handler {
				return func(ctx context.Context, msg *taskhawk.Message) error {
					defer s.act()
					return next(ctx, msg)
				}
			})
		},
		"backoff": func(s *sick, _ *taskhawk.Config, worker *sqsx.WorkerConfig) {
			worker.Backoff = func(int) time.Duration {
				s.act()
				return time.Second
			}
		},
	}
}

// Every fifth task fails at first; for three minutes a callback is sick, and then it
// recovers.
func TestT44CallbacksPanicOrBlock(t *testing.T) {
	t.Parallel()
	for name, infect := range callbacks() {
		for _, blocks := range []bool{false, true} {
			t.Run(name+map[bool]string{false: " panics", true: " blocks"}[blocks], func(t *testing.T) {
				t.Parallel()
				s := &sick{blocks: blocks}
				var config sqsx.WorkerConfig
				rigged := setup{
					What: "logger, middleware or backoff panics or blocks",
					Handle: func(ctx context.Context, n int) error {
						if n%5 == 0 && taskhawk.MetadataFrom(ctx).Attempt == 1 {
							return errFault
						}
						return nil
					},
					Hub:       func(hub *taskhawk.Config) { infect(s, hub, &config) },
					Provision: sqsx.ProvisionConfig{MaxReceiveCount: 100},
				}
				inBubble(t, rigged, func(r *env) {
					w := r.start(config)
					s.now.Store(true)
					r.fillAll(10)
					time.Sleep(3 * time.Minute)
					s.now.Store(false)
					r.fillAll(10)
					r.drain(30 * time.Minute)
					w.stop()
					require.Equal(r, 10, r.record.distinct())
					// A task is not done when middleware panics behind it: it runs until
					// that recovers.
					undone := name == "middleware after" && !blocks
					require.Equal(r, undone, r.record.duplicates() > 0)
					r.Check(want{Duplicates: r.record.duplicates()})
				})
			})
		}
	}
}

// A logger that blocks does not hold up the polls whose failures it is to report.
func TestT44LoggerBlocksWhilePollsFail(t *testing.T) {
	t.Parallel()
	s := &sick{blocks: true}
	rigged := setup{What: "logger blocks while polls fail", Hub: func(hub *taskhawk.Config) {
		hub.Logger = slog.New(sickHandler{hub.Logger.Handler(), s})
	}}
	inBubble(t, rigged, func(r *env) {
		w := r.start(sqsx.WorkerConfig{})
		s.now.Store(true)
		down := r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Do: sqstest.Status(http.StatusServiceUnavailable, "")})
		time.Sleep(3 * time.Minute)
		require.GreaterOrEqual(r, down.Fired(), 4*8, "each of the four poll loops goes on")
		down.Remove()
		r.fillAll(10)
		s.now.Store(false)
		r.drain(time.Minute)
		time.Sleep(time.Minute) // the last line is written: a stop waits for it
		w.stop()
		r.Check(want{})
	})
}

// checkedArgs are arguments with rules.
type checkedArgs struct {
	To    string   `validate:"required,email"`
	Lines []string `validate:"max=3,dive,required"`
}

// Arguments that break the rules come from another program: Dispatch would have refused
// them.
func TestT45InvalidArguments(t *testing.T) {
	t.Parallel()
	var checked *taskhawk.Task[checkedArgs]
	ran := 0
	tasks := func(r *env) []taskhawk.AnyTask {
		checked = taskhawk.New("tests.checked", instrument(r, func(context.Context, checkedArgs) error {
			ran++
			return nil
		}))
		return []taskhawk.AnyTask{checked}
	}
	s := setup{What: "arguments fail validation", Tasks: tasks, Provision: sqsx.ProvisionConfig{MaxReceiveCount: 3}}
	inBubble(t, s, func(r *env) {
		w := r.start(sqsx.WorkerConfig{Concurrency: 2})
		invalid := []string{`"nobody"`, `""`, `"a@b.c",["1","2","3","4"]`, `"a@b.c",[""]`, `null`, `7`}
		for i, args := range invalid {
			r.raw(taskhawk.Default, fmt.Sprintf(
				`{"id":"i%d","metadata":{"priority":"high","timestamp":1,"version":"1.0"},"headers":{},"task":"tests.checked","args":[%s],"kwargs":{}}`,
				i, args))
			_, err := checked.Dispatch(r.Context(), checkedArgs{To: canaryArgument})
			var refused *taskhawk.ValidationError
			require.ErrorAs(r, err, &refused)
			r.sink.failure(err)
		}
		r.fill(50)
		_, err := checked.Dispatch(r.Context(), checkedArgs{To: "a@b.c"})
		require.NoError(r, err)
		time.Sleep(time.Second)
		require.Equal(r, len(invalid), r.left(), "the good ones are not held up")
		r.drain(time.Hour)
		w.stop()
		require.Equal(r, 1, ran, "no invalid arguments reach a handler")
		for _, letter := range r.letters(taskhawk.Default) {
			require.Equal(r, 3, letter.Receives)
		}
		r.Check(want{Dead: len(invalid), Stranded: len(invalid)})
	})
}

// A bad rule is found when the task is declared, and not when the first message comes.
func TestT45BadRules(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "bad validate tags"}, func(r *env) {
		for name, declare := range map[string]func(){
			"no such rule": func() {
				taskhawk.New[struct {
					A int `validate:"nope"`
				}]("t", nil)
			},
			"dive into a struct": func() {
				taskhawk.New[struct {
					A struct{ B int } `validate:"dive"`
				}]("t", nil)
			},
			"dive into a number": func() {
				taskhawk.New[struct {
					A int `validate:"dive,required"`
				}]("t", nil)
			},
			"a rule for another type": func() {
				taskhawk.New[struct {
					A struct{ B int } `validate:"max=3"`
				}]("t", nil)
			},
			"a choice for another type": func() {
				taskhawk.New[struct {
					A float64 `validate:"oneof=1 2"`
				}]("t", nil)
			},
			"a parameter that is no number": func() {
				taskhawk.New[struct {
					A int `validate:"max=many"`
				}]("t", nil)
			},
			"in an element": func() {
				taskhawk.New[struct {
					A []struct {
						B int `validate:"nope"`
					} `validate:"dive"`
				}]("t", nil)
			},
		} {
			require.Panics(r, declare, name)
		}
		r.Check(want{})
	})
}
