package guard_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/internal/guard"
)

// wild is a log handler that does what f does, in one of its methods.
type wild struct {
	slog.Handler

	method string
	f      func()
}

func (h *wild) do(method string) {
	if h.method == method {
		h.f()
	}
}

func (h *wild) Enabled(context.Context, slog.Level) bool {
	h.do("Enabled")
	return true
}

func (h *wild) Handle(ctx context.Context, record slog.Record) error {
	h.do("Handle")
	return h.Handler.Handle(ctx, record)
}

func (h *wild) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.do("WithAttrs")
	return h.Handler.WithAttrs(attrs)
}

func (h *wild) WithGroup(name string) slog.Handler {
	h.do("WithGroup")
	return h.Handler.WithGroup(name)
}

func TestLogHandlerOutlivesPanics(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"Enabled", "Handle", "WithAttrs", "WithGroup"} {
		var text bytes.Buffer
		inner := &wild{Handler: slog.NewTextHandler(&text, nil), method: method, f: func() { panic("x") }}
		logger := slog.New(guard.LogHandler(inner))
		logger.Info("a")
		logger.With("b", 1).Info("c")
		logger.WithGroup("d").Info("e", "f", 1)
		if method != "Enabled" && method != "Handle" {
			require.Equal(t, 3, strings.Count(text.String(), "\n"), "no line is lost: %s", method)
		}
	}
}

func TestLogHandlerOutlivesGoexit(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"Enabled", "Handle"} {
		inner := &wild{Handler: slog.DiscardHandler, method: method, f: runtime.Goexit}
		slog.New(guard.LogHandler(inner)).Info("a")
	}
	inner := &wild{Handler: slog.DiscardHandler, method: "Handle", f: runtime.Goexit}
	require.Error(t, guard.LogHandler(inner).Handle(t.Context(), slog.Record{}))
}

// exits ends the goroutine that resolves it.
type exits struct{}

func (exits) LogValue() slog.Value {
	runtime.Goexit()
	return slog.Value{}
}

func TestLogHandlerOutlivesValues(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	logger := slog.New(guard.LogHandler(slog.NewJSONHandler(&text, nil)))
	logger.Info("a", "b", exits{})
	logger.Info("c", "d", 1)
	require.Equal(t, 1, strings.Count(text.String(), "\n"))
}

func TestBackgroundWritesInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		logger := slog.New(guard.NewBackground(slog.NewTextHandler(&text, nil)))
		logger.Debug("left out: not enabled")
		logger.Info("a")
		logger.With("b", 1).Info("c")
		logger.WithGroup("d").Info("e", "f", 1)
		guard.Flush(logger)
		require.Regexp(t, `(?s)^time=\S+ level=INFO msg=a\n.*msg=c b=1\n.*msg=e d.f=1\n$`, text.String())
		guard.Flush(logger)
		guard.Flush(slog.New(slog.DiscardHandler))
	})
}

// A logger that hangs holds neither its callers nor memory without bounds.
func TestBackgroundLeavesLinesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		hangs := make(chan struct{})
		inner := &wild{Handler: slog.NewTextHandler(&text, nil), method: "Enabled", f: func() { <-hangs }}
		logger := slog.New(guard.NewBackground(guard.LogHandler(inner)))
		logger.Info("a")
		synctest.Wait() // the writer has it
		for range 999 {
			logger.Info("a")
		}
		start := time.Now()
		guard.Flush(logger)
		require.Equal(t, 100*time.Millisecond, time.Since(start))
		close(hangs)
		guard.Flush(logger)
		logger.Info("b")
		guard.Flush(logger)
		require.Equal(t, 1, strings.Count(text.String(), "left_out="), "once")
		written := strings.Count(text.String(), "\n") - 1
		require.Contains(t, text.String(), "left_out=743", "the first, and 256 that waited, are written")
		require.Equal(t, 1000, written+743)
	})
}

func TestErrorAttr(t *testing.T) {
	t.Parallel()
	require.Equal(t, slog.String("error", `a\nb`), guard.ErrorAttr(errors.New("a\nb")))
	require.Len(t, guard.ErrorAttr(errors.New(strings.Repeat("x", 2<<20))).Value.String(), 1024+len("..."))
}
