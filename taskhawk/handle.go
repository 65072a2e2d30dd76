package taskhawk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/guard"
)

// Handle runs the task of one delivery: it reads the message, calls the middleware,
// binds and validates the arguments, and calls the handler. The worker, Lambda and Sync
// mode all use it.
//
// Handle does not settle the delivery: [OutcomeOf] decides by the error what to do with
// the message. It never panics, whatever the message, the handler or the logger does,
// and neither do the methods of its error. An error of the handler whose methods panic
// is replaced by one that names its type. Only runtime.Goexit gets through, after it is
// logged. A caller that must survive that runs Handle in a separate goroutine, as the
// worker does. Handle may be called concurrently.
func (h *Hub) Handle(ctx context.Context, d *Delivery) (err error) {
	start := time.Now()
	s := newScope(ctx, h, d)
	err = errGoexit
	defer s.finish(&err, start)
	return s.deliver(start)
}

// finish is deferred by Handle. It recovers once more, outside of all middleware, since
// that is user code as well.
func (s *scope) finish(err *error, start time.Time) {
	setPanic(err, recover())
	*err = guard.Error(*err)
	s.hub.log(s.Context, s, *err, start)
}

func (s *scope) deliver(start time.Time) error {
	msg, err := s.read()
	if err != nil {
		return err
	}
	if err := s.hub.inTime(s.Context, s.delivery, msg.Task, start); err != nil {
		return err
	}
	err = s.hub.handler(s, msg)
	if err == nil {
		return nil
	}
	return s.hub.tasks[s.message.task].decide(s.Context, s.delivery, err)
}

// read reads the message of the delivery, and fills in what describes it.
func (s *scope) read() (*Message, error) {
	msg, notification, err := readBody(s.delivery)
	if err != nil {
		return nil, err
	}
	if notification != nil {
		s.delivery = notification.unwrap(s.delivery)
	}
	d := s.delivery
	msg.Headers = withTraceContext(msg.Headers, d.Attributes)
	s.message = messageHead{
		id: msg.ID, task: msg.Task, priority: msg.Priority, headers: msg.Headers, timestamp: msg.Timestamp,
	}
	s.attrs.message.Store(&s.message)
	return msg, nil
}

// ErrTimeout is the cause (context.Cause) with which a handler's context ends when the
// timeout of its task is over.
var ErrTimeout = errors.New("task timeout exceeded")

// ErrNoTime is wrapped by the error of [Hub.Handle] for a task that was not started
// because too little time was left until the deadline of its delivery. It asks for
// another delivery at once.
var ErrNoTime = errors.New("too little time is left to start the task")

// inTime returns nil if the task may start: its timeout, if any, ends before the
// deadline.
//
// A timeout longer than a whole delivery is cut to most of it: such a task runs with the
// time left. Each delivery needs less time than the one before, since it counts as an
// attempt even without a run. A message must not become a dead letter without a run
// because others always came first in its batch.
func (h *Hub) inTime(ctx context.Context, d *Delivery, task string, now time.Time) error {
	if d.Deadline.IsZero() {
		return nil
	}
	var timeout time.Duration
	if r := h.tasks[task]; r != nil {
		timeout = r.policy.Timeout
	}
	need, all := timeout, d.Deadline.Sub(cmp.Or(d.Received, now))
	if timeout > all && all > 0 {
		need = all / 4 * 3
	}
	need /= time.Duration(max(d.Attempt, 1))
	switch left := d.Deadline.Sub(now); {
	case left <= 0:
		return RetryAfter(0, fmt.Errorf("%w: the deadline has passed", ErrNoTime))
	case left < need:
		return RetryAfter(0, fmt.Errorf("%w: %s; this delivery needs %s",
			ErrNoTime, left.Round(time.Millisecond), need))
	case left < timeout:
		h.reportTimeout(ctx, task, timeout, left)
	}
	return nil
}

// reportTimeout warns that a task runs although its timeout exceeds the time left.
func (h *Hub) reportTimeout(ctx context.Context, task string, timeout, left time.Duration) {
	leftOut, ok := h.repeats.take("timeout: " + task)
	if !ok {
		return
	}
	h.report(ctx, slog.LevelWarn, "timeout of the task exceeds the time left; running it",
		slog.String("task", inLog(task)),
		slog.Float64("timeout_ms", milliseconds(timeout)),
		slog.Float64("available_ms", milliseconds(left)),
		leftOutAttr(leftOut),
	)
}

// withTimeout runs next under the task's timeout. If a handler fails after its timeout,
// the error wraps ErrTimeout. A handler that succeeds late has succeeded.
func withTimeout(next Handler, timeout time.Duration) Handler {
	if timeout == 0 {
		return next
	}
	return func(ctx context.Context, msg *Message) error {
		ctx, cancel := context.WithTimeoutCause(ctx, timeout, ErrTimeout)
		defer cancel()
		err := next(ctx, msg)
		// Compared, not searched: a cause of the user's is an error whose methods may
		// panic.
		if err != nil && context.Cause(ctx) == ErrTimeout { //nolint:errorlint // see above
			return fmt.Errorf("%w after %s: %w", ErrTimeout, timeout, guard.Error(err))
		}
		return err
	}
}
