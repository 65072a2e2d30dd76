package taskhawk

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
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
	if err == nil || outcome.Expected {
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
	h.report(ctx, level, logMessage(outcome), attrs...)
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

func logMessage(outcome Outcome) string {
	switch {
	case outcome.Err == nil:
		return "task done"
	case outcome.Action == ActionDelete:
		return "task failed, ignored"
	case outcome.Action == ActionDeadLetter:
		return "task failed for good"
	}
	return "task failed, will be retried"
}
