package faults_test

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// sick is what a callback of the user does while it is sick: it panics, or blocks for a minute.
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

// Every fifth task fails at first; for three minutes a callback is sick, and then it recovers.
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
				inBubble(t, rigged, func(r *rig) {
					w := r.start(config)
					s.now.Store(true)
					r.fillAll(10)
					time.Sleep(3 * time.Minute)
					s.now.Store(false)
					r.fillAll(10)
					r.drain(30 * time.Minute)
					w.stop()
					require.Equal(r, 10, r.book.distinct())
					// A task is not done when middleware panics behind it: it runs until that recovers.
					undone := name == "middleware after" && !blocks
					require.Equal(r, undone, r.book.duplicates() > 0)
					r.Check(want{Duplicates: r.book.duplicates()})
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
	inBubble(t, rigged, func(r *rig) {
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
