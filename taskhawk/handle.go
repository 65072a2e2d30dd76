package taskhawk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"sync"
	"time"
)

// Handle runs the task of one delivery: reads the message, goes through the middleware, binds and validates the arguments
// and calls the handler. It is the one way in: the worker, Lambda and Sync mode all use it.
//
// It does not settle the delivery: what to do with the message is what [OutcomeOf] says of the error. It never panics,
// whatever the message or the handler does, but for runtime.Goexit, which a caller that must survive it runs in a
// goroutine of its own, as the worker does. It may be called concurrently.
func (h *Hub) Handle(ctx context.Context, d *Delivery) (err error) {
	start := time.Now()
	msg, topic, err := readBody(d.Body, d.Attributes[encodingAttribute])
	if err == nil {
		err = h.deliver(ctx, d, msg, topic, start)
	}
	h.log(ctx, d, msg, err, start)
	return err
}

// deliver recovers once more, outside of all middleware, since that is user code as well.
func (h *Hub) deliver(ctx context.Context, d *Delivery, msg *Message, topic string, now time.Time) (err error) {
	defer recoverTo(&err)
	if err := h.inTime(d, msg.Task, now); err != nil {
		return err
	}
	s := &scope{hub: h, delivery: d, metadata: Metadata{
		ID: msg.ID, Task: msg.Task, Priority: msg.Priority, Headers: msg.Headers, Timestamp: msg.Timestamp,
		Version: FormatVersion, Attempt: max(d.Attempt, 1), Queue: d.Queue, MessageID: d.MessageID,
		Topic: cmp.Or(d.Topic, topic), Receipt: d.Receipt,
	}}
	return h.handler(context.WithValue(ctx, scopeKey{}, s), msg)
}

// log writes the one line of a delivery. An error that panics when it is asked for its text must not get past it.
func (h *Hub) log(ctx context.Context, d *Delivery, msg *Message, err error, start time.Time) {
	var ignored error
	defer recoverTo(&ignored)
	outcome := OutcomeOf(err)
	level := slog.LevelError
	last := outcome.Action == ActionRetry && d.lastAttempt()
	switch {
	case last && outcome.Expected:
		level = slog.LevelWarn // the failure was expected, its end as a dead letter may not be
	case err == nil || outcome.Expected:
		level = slog.LevelDebug
	}
	if !h.enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{slog.Any("delivery", d), slog.Duration("took", time.Since(start)), slog.String("outcome", outcome.Action.String())}
	if isUnknown(err) {
		leftOut, ok := h.unknown.take(msg.Task)
		if !ok {
			return
		}
		attrs = append(attrs, slog.Int("left_out", leftOut))
	}
	if msg != nil {
		attrs = append(attrs, slog.String("task", inLog(msg.Task)), slog.String("id", inLog(msg.ID)))
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	if panicked, ok := errors.AsType[*PanicError](err); ok {
		attrs = append(attrs, slog.String("stack", string(panicked.Stack)))
	}
	h.report(ctx, level, logMessage(outcome, last), attrs...)
}

func (h *Hub) enabled(ctx context.Context, level slog.Level) (enabled bool) {
	defer func() { _ = recover() }()
	return h.logger.Enabled(ctx, level)
}

// report writes a line to the logger, and survives one that panics: a bug there must not stop the worker.
func (h *Hub) report(ctx context.Context, level slog.Level, text string, attrs ...slog.Attr) {
	defer func() { _ = recover() }()
	h.logger.LogAttrs(ctx, level, text, attrs...)
}

func logMessage(outcome Outcome, last bool) string {
	switch {
	case last:
		return "task failed at its last attempt; becomes a dead letter"
	case outcome.Err == nil:
		return "task done"
	case outcome.Action == ActionDelete:
		return "task failed, ignored"
	case outcome.Action == ActionDeadLetter:
		return "task failed for good"
	}
	return "task failed, will be retried"
}

// ErrTimeout is the cause (context.Cause) with which a handler's context ends when the timeout of its task is over.
var ErrTimeout = errors.New("the task's timeout is over")

// ErrNoTime is wrapped by the error of [Hub.Handle] for a task that was not started because too little time was left until the deadline of
// its delivery. It asks for another delivery at once.
var ErrNoTime = errors.New("too little time is left to start the task")

// inTime is nil when the task may start: its timeout, where it has one, ends before the deadline.
func (h *Hub) inTime(d *Delivery, task string, now time.Time) error {
	if d.Deadline.IsZero() {
		return nil
	}
	var need time.Duration
	if r := h.tasks[task]; r != nil {
		need = r.timeout
	}
	switch left := d.Deadline.Sub(now); {
	case left <= 0:
		return RetryAfter(0, fmt.Errorf("%w: the deadline has passed", ErrNoTime))
	case left < need:
		return RetryAfter(0, fmt.Errorf("%w: %s, and it may take %s", ErrNoTime, left.Round(time.Millisecond), need))
	}
	return nil
}

// withTimeout runs next under the task's own timeout. A handler that fails after its time was over reports it: its error
// wraps ErrTimeout. One that succeeds late has succeeded.
func withTimeout(next Handler, timeout time.Duration) Handler {
	if timeout == 0 {
		return next
	}
	return func(ctx context.Context, msg *Message) error {
		ctx, cancel := context.WithTimeoutCause(ctx, timeout, ErrTimeout)
		defer cancel()
		err := next(ctx, msg)
		if err != nil && errors.Is(context.Cause(ctx), ErrTimeout) {
			return fmt.Errorf("%w after %s: %w", ErrTimeout, timeout, err)
		}
		return err
	}
}

// The bounds of what an unknown task may write to the log: one line in so long for each name, and for so many names. More
// names than that share one line.
const (
	unknownLogEvery = time.Second
	unknownLogNames = 256
)

// unknownLog limits the lines about tasks that nothing here can run: a flood of their messages must not become one of lines.
type unknownLog struct {
	mu    sync.Mutex
	lines map[string]*unknownLine // by clipped name; "" for those that found no room
}

// unknownLine is the last line of one name, and how many were left out since.
type unknownLine struct {
	written time.Time
	leftOut int
}

func newUnknownLog() *unknownLog { return &unknownLog{lines: map[string]*unknownLine{}} }

// take reports whether a line about the task may be written now, and how many were left out since the last one.
func (l *unknownLog) take(task string) (leftOut int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	line := l.line(clip(task), now)
	if now.Sub(line.written) < unknownLogEvery {
		line.leftOut++
		return 0, false
	}
	leftOut = line.leftOut
	*line = unknownLine{written: now}
	return leftOut, true
}

func (l *unknownLog) line(name string, now time.Time) *unknownLine {
	if line := l.lines[name]; line != nil {
		return line
	}
	if len(l.lines) >= unknownLogNames {
		maps.DeleteFunc(l.lines, func(_ string, line *unknownLine) bool { return now.Sub(line.written) >= unknownLogEvery })
	}
	if len(l.lines) >= unknownLogNames {
		name = ""
	}
	if l.lines[name] == nil {
		l.lines[name] = &unknownLine{}
	}
	return l.lines[name]
}

// isUnknown reports whether the task of the message was not found, or has no handler here.
func isUnknown(err error) bool { return errors.Is(err, ErrUnknownTask) || errors.Is(err, ErrNoHandler) }

// clipped is how many bytes of a name that came from outside an error or a log line may show.
const clipped = 64

// clip shortens a name that came from outside, so that it cannot flood a log. Quote the result with %q.
func clip(name string) string {
	if len(name) <= clipped {
		return name
	}
	return name[:clipped] + "..."
}

// inLog is clip for an attribute of a log line: a name with line breaks, quotes or other characters that could pass for
// something else is quoted.
func inLog(name string) string {
	name = clip(name)
	if quoted := strconv.Quote(name); len(quoted) > len(name)+len(`""`) {
		return quoted
	}
	return name
}
