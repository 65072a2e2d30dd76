package guard

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"sync"
	"time"
)

// errNotLogged is the error of a log handler whose inner handler did not return. slog
// drops it.
var errNotLogged = errors.New("the log handler did not return")

// LogHandler returns a handler for next that neither panics nor ends its goroutine. If
// next does so, Handle loses the line and Enabled reports false. A line is written when
// Handle returns. Logged values may be the user's too, with a LogValue or a MarshalJSON:
// next calls these methods, so they are guarded as well.
func LogHandler(next slog.Handler) slog.Handler {
	if next == nil {
		next = slog.DiscardHandler
	}
	handler := reflect.TypeOf(next)
	for handler.Kind() == reflect.Pointer {
		handler = handler.Elem()
	}
	return &logHandler{next: next, known: handler.PkgPath() == "log/slog"}
}

type logHandler struct {
	next  slog.Handler
	known bool // one of the standard library
}

// Enabled is called for every message. A handler of the standard library only compares
// levels, so it is called in the caller's goroutine, which saves a microsecond.
func (h *logHandler) Enabled(ctx context.Context, level slog.Level) (enabled bool) {
	if h.known {
		defer func() { _ = recover() }() // of the user's slog.Leveler
		return h.next.Enabled(ctx, level)
	}
	return h.ask(ctx, level)
}

// ask is Enabled for a handler of the user. It is a separate function because its result
// escapes to the heap, an allocation for each message that Enabled avoids.
func (h *logHandler) ask(ctx context.Context, level slog.Level) (enabled bool) {
	_ = Call(func() { enabled = h.next.Enabled(ctx, level) })
	return enabled
}

// Handle writes the line.
func (h *logHandler) Handle(ctx context.Context, record slog.Record) (err error) {
	if Call(func() { err = h.next.Handle(ctx, record) }) != nil {
		return errNotLogged
	}
	return err //nolint:wrapcheck // the user's own handler reads it
}

// WithAttrs leaves the attributes out if the inner handler cannot take them.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.with(func() slog.Handler { return h.next.WithAttrs(attrs) })
}

// WithGroup leaves the group out if the inner handler cannot take it.
func (h *logHandler) WithGroup(name string) slog.Handler {
	return h.with(func() slog.Handler { return h.next.WithGroup(name) })
}

func (h *logHandler) with(change func() slog.Handler) (changed slog.Handler) {
	defer func() {
		if recover() != nil {
			changed = h
		}
	}()
	return LogHandler(change())
}

// maxLines is how many lines a [Background] holds for its writer.
const maxLines = 256

// Background is a log handler for goroutines that must not wait for a logger, such as
// polls and heartbeats: Handle queues a line and returns. A goroutine writes the lines
// in order, and ends when there are none. If 256 lines wait, further lines are left out;
// the next written line has their number in the attribute left_out.
type Background struct {
	next slog.Handler
	line *backgroundQueue
}

// NewBackground makes a handler that writes by next, from another goroutine. Next must
// not panic: see [LogHandler].
func NewBackground(next slog.Handler) *Background {
	return &Background{next: next, line: &backgroundQueue{}}
}

// Enabled always reports true: only the writer asks, since the answer may take long.
func (*Background) Enabled(context.Context, slog.Level) bool { return true }

// Handle puts the line in the queue.
func (b *Background) Handle(ctx context.Context, record slog.Record) error {
	b.line.add(backgroundLine{ctx: context.WithoutCancel(ctx), handler: b.next, record: record.Clone()})
	return nil
}

// WithAttrs returns a handler that shares the queue of this one.
func (b *Background) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Background{next: b.next.WithAttrs(attrs), line: b.line}
}

// WithGroup returns a handler that shares the queue of this one.
func (b *Background) WithGroup(name string) slog.Handler {
	return &Background{next: b.next.WithGroup(name), line: b.line}
}

// flushTime bounds how long Flush waits for a logger that hangs.
const flushTime = 100 * time.Millisecond

// Flush waits, for a tenth of a second at most, until the lines of a logger that writes
// by a [Background] are written.
func Flush(logger *slog.Logger) {
	b, ok := logger.Handler().(*Background)
	if !ok {
		return
	}
	written := b.line.written()
	if written == nil {
		return
	}
	timer := time.NewTimer(flushTime)
	defer timer.Stop()
	select {
	case <-written:
	case <-timer.C:
	}
}

type backgroundLine struct {
	ctx     context.Context //nolint:containedctx // for its values, until the line is written
	handler slog.Handler
	record  slog.Record
}

// backgroundQueue has the waiting lines. Its goroutine ends when there are none.
type backgroundQueue struct {
	mu      sync.Mutex
	lines   []backgroundLine
	leftOut int
	idle    chan struct{} // closed when the goroutine ends; nil while there is none
}

func (q *backgroundQueue) add(line backgroundLine) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.lines) >= maxLines {
		q.leftOut++
		return
	}
	q.lines = append(q.lines, line)
	if q.idle == nil {
		q.idle = make(chan struct{})
		go q.write()
	}
}

func (q *backgroundQueue) write() {
	for line, ok := q.next(); ok; line, ok = q.next() {
		if line.handler.Enabled(line.ctx, line.record.Level) {
			_ = line.handler.Handle(line.ctx, line.record) // the error has no reader
		}
	}
}

// next takes the first line. It reports false if there is none, and then the goroutine
// ends.
func (q *backgroundQueue) next() (line backgroundLine, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.lines) == 0 {
		close(q.idle)
		q.idle, q.lines = nil, nil
		return backgroundLine{}, false
	}
	line = q.lines[0]
	q.lines[0] = backgroundLine{} // free the line now: the array may stay for a while
	q.lines = q.lines[1:]
	if q.leftOut > 0 {
		line.record.AddAttrs(slog.Int("left_out", q.leftOut))
		q.leftOut = 0
	}
	return line, true
}

// written returns a channel that is closed when no line waits, nil if none waits now.
func (q *backgroundQueue) written() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.idle
}

// maxErrorText is how much of an error's text a line shows, in bytes.
const maxErrorText = 1024

// ErrorAttr returns the attribute that shows an error in a line: its text, printable and
// of bounded length.
func ErrorAttr(err error) slog.Attr {
	return slog.String("error", Line(Text(err), maxErrorText))
}
