package taskhawk

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/guard"
)

// LogAttrs has the attributes that [AddLogAttrs] adds to the lines of one delivery. The
// zero value is empty, and it is safe for concurrent use.
type LogAttrs struct {
	message atomic.Pointer[messageHead] // once it is read

	mu    sync.Mutex
	attrs []slog.Attr
}

// AddLogAttrs adds attributes to the log lines about the delivery that ctx belongs to,
// such as a request id that middleware has read from a header. The library's lines
// cannot see a context that middleware derives. If a key is added again, the last value
// counts. Outside of a delivery AddLogAttrs does nothing. It may be called concurrently,
// from middleware and handlers.
func AddLogAttrs(ctx context.Context, attrs ...slog.Attr) {
	if s := scopeFrom(ctx); s != nil && s.attrs != nil {
		s.attrs.add(attrs)
	}
}

func (l *LogAttrs) add(attrs []slog.Attr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, attr := range attrs {
		same := func(other slog.Attr) bool { return other.Key == attr.Key }
		if i := slices.IndexFunc(l.attrs, same); i >= 0 && attr.Key != "" {
			l.attrs[i] = attr
			continue
		}
		l.attrs = append(l.attrs, attr)
	}
}

// read returns the message of the delivery, and nil until it is read; l may be nil.
func (l *LogAttrs) read() *messageHead {
	if l == nil {
		return nil
	}
	return l.message.Load()
}

// names returns the task and the id of the run; l may be nil.
func (l *LogAttrs) names() (task, id string) {
	message := l.read()
	if message == nil {
		return "", ""
	}
	return message.task, message.id
}

// appendTo appends the attributes of a delivery, the message's first; l may be
// nil.
func (l *LogAttrs) appendTo(attrs []slog.Attr, d *Delivery) []slog.Attr {
	var added []slog.Attr
	if l != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		added = l.attrs
		if message := l.read(); message != nil {
			attrs = append(attrs, slog.String("task", inLog(message.task)), slog.String("id", inLog(message.id)))
		}
	}
	attrs = append(attrs, slog.String("message_id", inLog(d.MessageID)), slog.String("queue", inLog(d.Queue)),
		slog.Int("attempt", max(d.Attempt, 1)))
	return append(attrs, added...)
}

// log writes the one line of a delivery.
func (h *Hub) log(ctx context.Context, s *scope, err error, start time.Time) {
	defer func() { _ = recover() }() // a handler that succeeded must not run again because of its line
	outcome := OutcomeOf(err)
	panicked, isPanic := errors.AsType[*PanicError](err)
	last := outcome.exhausted || outcome.Action == ActionRetry && s.delivery.lastAttempt()
	level, text := logLevel(outcome, last), logMessage(outcome, last)
	if outcome.Action == ActionRetry && !isPanic &&
		context.Cause(ctx) == ErrStopping { //nolint:errorlint // set as it is
		level, text = slog.LevelInfo, "task cut off by a stop; will be delivered again"
	}
	if !h.logger.Enabled(ctx, level) {
		return
	}
	attrs := s.attrs.appendTo(make([]slog.Attr, 0, 12), s.delivery) // as many as a line has, and some of the user's
	attrs = append(attrs, slog.Float64("duration_ms", milliseconds(time.Since(start))),
		slog.String("outcome", outcome.Action.String()))
	if kind := repeatKind(s, err); kind != "" {
		leftOut, ok := h.repeats.take(kind)
		if !ok {
			return
		}
		attrs = append(attrs, leftOutAttr(leftOut))
	}
	if err != nil {
		attrs = append(attrs, guard.ErrorAttr(err))
	}
	if isPanic {
		attrs = append(attrs, slog.String("stack", string(panicked.Stack[:min(len(panicked.Stack), maxStack)])))
	}
	h.logger.LogAttrs(ctx, level, text, attrs...)
}

// logLevel returns the level of an outcome: error if an operator should look at it.
func logLevel(outcome Outcome, last bool) slog.Level {
	switch {
	case last && outcome.Expected:
		return slog.LevelWarn // the failure was expected, its end as a dead letter may not be
	case outcome.Err == nil || outcome.Expected:
		return slog.LevelDebug
	}
	return slog.LevelError
}

func logMessage(outcome Outcome, last bool) string {
	switch {
	case last:
		return "task failed at its last attempt; becomes a dead letter"
	case outcome.Err == nil:
		return "task done"
	case outcome.Action == ActionDelete:
		return "task failed; ignored"
	case outcome.Action == ActionDeadLetter:
		return "task failed for good"
	}
	return "task failed; will be retried"
}

// maxStack is how much of a stack a line shows, in bytes.
const maxStack = 16 << 10

// milliseconds is a duration for an attribute whose name ends in _ms.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// LogValue returns the fields of a delivery that are safe to log, and those of LogAttrs:
// no body, no attributes and no receipt handle. In an attribute without a key, slog puts
// them into the line itself.
func (d Delivery) LogValue() slog.Value { return slog.GroupValue(d.LogAttrs.appendTo(nil, &d)...) }

// The limits for lines that may come in floods: the interval between lines of one kind,
// and the number of kinds. Further kinds share one line.
const (
	repeatEvery = time.Second
	repeatKinds = 256
)

// repeatKind returns the kind of a failure that reached no handler and that any message
// could cause: the name of a task that cannot run here, or the reason why a body cannot
// be read. It returns "" for other failures, which are logged each.
func repeatKind(s *scope, err error) string {
	if err == nil {
		return ""
	}
	if unreadable, ok := errors.AsType[*MessageError](err); ok && s.message.id == "" {
		return "unreadable: " + unreadable.Field + " " + unreadable.Reason
	}
	if errors.Is(err, ErrUnknownTask) || errors.Is(err, ErrNoHandler) {
		return "task: " + clip(s.message.task)
	}
	return ""
}

// repeatLog limits lines by kind: a flood of messages must not become one of lines.
type repeatLog struct {
	mu    sync.Mutex
	lines map[string]*repeatLine // by kind; "" for kinds beyond repeatKinds
}

// repeatLine is the last line of one kind, and how many were left out since.
type repeatLine struct {
	written time.Time
	leftOut int
}

func newRepeatLog() *repeatLog { return &repeatLog{lines: map[string]*repeatLine{}} }

// take reports whether a line of that kind may be written now, and how many were left out
// since the last one.
func (l *repeatLog) take(kind string) (leftOut int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	line := l.line(kind, now)
	if now.Sub(line.written) < repeatEvery {
		line.leftOut++
		return 0, false
	}
	leftOut = line.leftOut
	*line = repeatLine{written: now}
	return leftOut, true
}

// line returns the line of that kind; mu must be held.
func (l *repeatLog) line(kind string, now time.Time) *repeatLine {
	if line := l.lines[kind]; line != nil {
		return line
	}
	if len(l.lines) >= repeatKinds {
		maps.DeleteFunc(l.lines, func(_ string, line *repeatLine) bool { return now.Sub(line.written) >= repeatEvery })
	}
	if len(l.lines) >= repeatKinds {
		kind = ""
	}
	if l.lines[kind] == nil {
		l.lines[kind] = &repeatLine{}
	}
	return l.lines[kind]
}

// clipped is how many bytes of a name that came from outside an error or a log line may
// show.
const clipped = 64

// clip shortens a name that came from outside, so that it cannot flood a log. Quote the
// result with %q.
func clip(name string) string {
	if len(name) <= clipped {
		return name
	}
	return name[:clipped] + "..."
}

// inLog is clip for an attribute of a log line: a name with line breaks, quotes or other
// characters that could pass for something else is quoted.
func inLog(name string) string {
	name = clip(name)
	if quoted := strconv.Quote(name); len(quoted) > len(name)+len(`""`) {
		return quoted
	}
	return name
}
