package taskhawk_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/taskhawktest"
)

// dispatchLog is what dispatch middleware has seen, in order.
type dispatchLog []string

func (l *dispatchLog) middleware(name string) taskhawk.DispatchMiddleware {
	return func(ctx context.Context, d *taskhawk.Dispatch) (context.Context, func(error)) {
		*l = append(*l, fmt.Sprintf("%s begins %s", name, d.ID))
		d.SetHeader(name, d.ID)
		return context.WithValue(ctx, ctxKey(name), d.ID), func(err error) {
			*l = append(*l, fmt.Sprintf("%s ends %s: %v", name, d.ID, err))
		}
	}
}

type ctxKey string

// ctxPublisher keeps the contexts that it publishes with.
type ctxPublisher struct {
	fakePublisher

	contexts []context.Context
}

func (p *ctxPublisher) Publish(ctx context.Context, out *taskhawk.Outgoing) error {
	p.contexts = append(p.contexts, ctx)
	return p.fakePublisher.Publish(ctx, out)
}

// Destination is a queue for each priority.
func (*ctxPublisher) Destination(priority taskhawk.Priority) taskhawk.Destination {
	return taskhawk.Destination{System: "fake", Name: "queue-" + priority.String()}
}

func newEmailThrough(t *testing.T, config taskhawk.Config) *taskhawk.Task[emailArgs] {
	t.Helper()
	task := taskhawk.New("tasks.send_email", func(context.Context, emailArgs) error { return nil })
	config.Tasks = []taskhawk.AnyTask{task}
	newHub(t, config)
	return task
}

func TestDispatchMiddlewareSeesTheMessageAndAddsHeaders(t *testing.T) {
	t.Parallel()
	publisher := &ctxPublisher{}
	var seen taskhawk.Dispatch
	var headers taskhawk.Headers
	task := newEmailThrough(t, taskhawk.Config{
		Publisher:      publisher,
		DefaultHeaders: func(context.Context, string) taskhawk.Headers { return taskhawk.Headers{"default": "1"} },
		DispatchMiddleware: []taskhawk.DispatchMiddleware{
			func(_ context.Context, d *taskhawk.Dispatch) (context.Context, func(error)) {
				seen, headers = *d, d.Headers()
				d.SetHeader("added", d.Header("request")+"!")
				return nil, nil
			},
		},
	})
	saved := task.With(taskhawk.WithHeaders(taskhawk.Headers{"request": "7"}))
	id, err := saved.Dispatch(t.Context(), emailArgs{To: "a"}, taskhawk.WithPriority(taskhawk.High),
		taskhawk.WithDelay(time.Second), taskhawk.WithGroup("g"), taskhawk.WithDeduplicationID("d"))
	require.NoError(t, err)
	require.Equal(t, id, seen.ID)
	require.Equal(t, "tasks.send_email", seen.Task)
	require.Equal(t, taskhawk.High, seen.Priority)
	require.Equal(t, time.Second, seen.Delay)
	require.Equal(t, []string{"g", "d"}, []string{seen.Group, seen.DeduplicationID})
	require.Equal(t, taskhawk.Destination{System: "fake", Name: "queue-high"}, seen.Destination)
	require.Equal(t, taskhawk.Headers{"default": "1", "request": "7"}, headers)

	want := taskhawk.Headers{"default": "1", "request": "7", "added": "7!"}
	out := publisher.last(t)
	require.Equal(t, want, out.Headers)
	msg, err := taskhawk.ParseMessage(out.Body)
	require.NoError(t, err)
	require.Equal(t, want, msg.Headers)
	require.Equal(t, id, msg.ID)
}

func TestDispatchMiddlewareLeavesSavedHeadersAlone(t *testing.T) {
	t.Parallel()
	var log dispatchLog
	publisher := &fakePublisher{}
	task := newEmailThrough(t, taskhawk.Config{
		Publisher: publisher, DispatchMiddleware: []taskhawk.DispatchMiddleware{log.middleware("m")},
	})
	saved := task.With(taskhawk.WithHeaders(taskhawk.Headers{"request": "7"}))
	for _, id := range []string{"a", "b"} {
		_, err := saved.Dispatch(t.Context(), emailArgs{}, taskhawk.WithID(id))
		require.NoError(t, err)
		require.Equal(t, taskhawk.Headers{"request": "7", "m": id}, publisher.last(t).Headers)
	}
	require.Equal(t, taskhawk.Headers{"request": "7", "m": "a"}, publisher.published()[0].Headers)
}

func TestDispatchMiddlewareWrapsTheSend(t *testing.T) {
	t.Parallel()
	var log dispatchLog
	publisher := &ctxPublisher{fakePublisher: fakePublisher{err: errDown}}
	task := newEmailThrough(t, taskhawk.Config{
		Publisher: publisher, DispatchMiddleware: []taskhawk.DispatchMiddleware{log.middleware("o"), log.middleware("i")},
	})
	_, err := task.Dispatch(t.Context(), emailArgs{}, taskhawk.WithID("1"))
	require.ErrorIs(t, err, errDown)
	require.Equal(t, dispatchLog{
		"o begins 1", "i begins 1", "i ends 1: the service is down", "o ends 1: the service is down",
	}, log)
	require.Equal(t, "1", publisher.contexts[0].Value(ctxKey("o")))
	require.Equal(t, "1", publisher.contexts[0].Value(ctxKey("i")))
}

// halfPublisher takes batches, and refuses every second message.
type halfPublisher struct{ fakePublisher }

func (p *halfPublisher) PublishBatch(ctx context.Context, outs []*taskhawk.Outgoing) []error {
	errs := make([]error, len(outs))
	for i, out := range outs {
		if errs[i] = p.Publish(ctx, out); i%2 == 1 {
			errs[i] = errDown
		}
	}
	return errs
}

func TestDispatchMiddlewareGetsTheResultOfEachEntry(t *testing.T) {
	t.Parallel()
	var log dispatchLog
	publisher := &halfPublisher{}
	task := newEmailThrough(t, taskhawk.Config{
		Publisher: publisher, DispatchMiddleware: []taskhawk.DispatchMiddleware{log.middleware("m")},
	})
	_, err := task.DispatchAll(t.Context(), make([]emailArgs, 3),
		taskhawk.WithIDs(func(i int) string { return fmt.Sprint(i) }))
	require.Error(t, err)
	require.Equal(t, dispatchLog{
		"m begins 0", "m begins 1", "m begins 2", "m ends 0: <nil>", "m ends 1: the service is down", "m ends 2: <nil>",
	}, log)
	for i, out := range publisher.published() {
		require.Equal(t, taskhawk.Headers{"m": fmt.Sprint(i)}, out.Headers)
	}
}

func TestDispatchMiddlewareContextsReachAPublisherWithoutBatches(t *testing.T) {
	t.Parallel()
	var log dispatchLog
	publisher := &ctxPublisher{}
	task := newEmailThrough(t, taskhawk.Config{
		Publisher: publisher, DispatchMiddleware: []taskhawk.DispatchMiddleware{log.middleware("m")},
	})
	ids, err := task.DispatchAll(t.Context(), make([]emailArgs, 3))
	require.NoError(t, err)
	for i, ctx := range publisher.contexts {
		require.Equal(t, ids[i], ctx.Value(ctxKey("m")))
	}
}

func TestDispatchMiddlewareEndsWhatIsNotSent(t *testing.T) {
	t.Parallel()
	var log dispatchLog
	publisher := &fakePublisher{}
	task := newEmailThrough(t, taskhawk.Config{
		Publisher: publisher, DispatchMiddleware: []taskhawk.DispatchMiddleware{log.middleware("m")},
	})
	_, err := task.DispatchAll(t.Context(), []emailArgs{{To: "a"}, {To: "\xff"}},
		taskhawk.WithIDs(func(i int) string { return fmt.Sprint(i) }))
	require.Error(t, err)
	require.Empty(t, publisher.published())
	require.Len(t, log, 4)
	require.Contains(t, log[2], "m ends 1: arguments of tasks.send_email")
	require.Contains(t, log[3], "m ends 0: not sent, since another entry is invalid")
}

type panicArgs struct{ Text panicText }

type panicText string

func (panicText) MarshalText() ([]byte, error) { panic("no text") }

func TestDispatchMiddlewareEndsWhatPanicsWhenItIsWritten(t *testing.T) {
	t.Parallel()
	var log dispatchLog
	task := taskhawk.New[panicArgs]("tasks.panic", nil)
	newHub(t, taskhawk.Config{
		Publisher: &fakePublisher{}, Tasks: []taskhawk.AnyTask{task},
		DispatchMiddleware: []taskhawk.DispatchMiddleware{log.middleware("m")},
	})
	_, err := task.Dispatch(t.Context(), panicArgs{Text: "x"}, taskhawk.WithID("1"))
	require.ErrorAs(t, err, new(*taskhawk.PanicError))
	require.Equal(t, dispatchLog{"m begins 1", "m ends 1: panic (string)"}, log)
}

func TestDispatchMiddlewareThatPanicsSendsNothing(t *testing.T) {
	t.Parallel()
	var log dispatchLog
	publisher := &fakePublisher{}
	task := newEmailThrough(t, taskhawk.Config{
		Publisher: publisher,
		DispatchMiddleware: []taskhawk.DispatchMiddleware{
			log.middleware("m"), func(context.Context, *taskhawk.Dispatch) (context.Context, func(error)) { panic(errDown) },
		},
	})
	_, err := task.Dispatch(t.Context(), emailArgs{}, taskhawk.WithID("1"))
	require.ErrorIs(t, err, errDown)
	require.Empty(t, publisher.published())
	require.Equal(t, dispatchLog{"m begins 1", "m ends 1: panic (*errors.errorString)"}, log)
}

func TestDispatchMiddlewareThatPanicsAfterTheSendChangesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log dispatchLog
		publisher := &fakePublisher{}
		logger, text := newLog()
		task := newEmailThrough(t, taskhawk.Config{
			Publisher: publisher, Logger: logger,
			DispatchMiddleware: []taskhawk.DispatchMiddleware{
				log.middleware("m"), func(context.Context, *taskhawk.Dispatch) (context.Context, func(error)) {
					return nil, func(error) { panic(errDown) }
				},
			},
		})
		_, err := task.Dispatch(t.Context(), emailArgs{}, taskhawk.WithID("1"))
		require.NoError(t, err)
		require.Len(t, publisher.published(), 1)
		require.Equal(t, dispatchLog{"m begins 1", "m ends 1: <nil>"}, log)
		synctest.Wait() // the line is written by another goroutine
		require.Equal(t, 1, strings.Count(text.String(), "\n"), "a line for the one that panics: %s", text)
		require.Contains(t, text.String(), "dispatch middleware failed after the send")
	})
}

func TestDispatchMiddlewareHeadersKeepTheRules(t *testing.T) {
	t.Parallel()
	publisher := &fakePublisher{}
	task := newEmailThrough(t, taskhawk.Config{
		Publisher: publisher,
		DispatchMiddleware: []taskhawk.DispatchMiddleware{
			func(_ context.Context, d *taskhawk.Dispatch) (context.Context, func(error)) {
				d.SetHeader("taskhawk_x", "1")
				return nil, nil
			},
		},
	})
	_, err := task.Dispatch(t.Context(), emailArgs{})
	require.ErrorIs(t, err, taskhawk.ErrHeader)
	require.Empty(t, publisher.published())
}

func TestDispatchMiddlewareContextsReachHandlersInSync(t *testing.T) {
	t.Parallel()
	var log dispatchLog
	var seen []any
	task := taskhawk.New("tasks.send_email", func(ctx context.Context, _ emailArgs) error {
		seen = append(seen, ctx.Value(ctxKey("m")), taskhawk.MetadataFrom(ctx).Headers["m"])
		return nil
	})
	newHub(t, taskhawk.Config{
		Sync: true, Tasks: []taskhawk.AnyTask{task},
		DispatchMiddleware: []taskhawk.DispatchMiddleware{log.middleware("m")},
	})
	ids, err := task.DispatchAll(t.Context(), make([]emailArgs, 2))
	require.NoError(t, err)
	require.Equal(t, []any{ids[0], ids[0], ids[1], ids[1]}, seen)
}

func TestDispatchMiddlewareMustNotBeNil(t *testing.T) {
	t.Parallel()
	_, err := taskhawk.NewHub(taskhawk.Config{DispatchMiddleware: []taskhawk.DispatchMiddleware{nil}})
	require.ErrorContains(t, err, "Config.DispatchMiddleware[0] is nil")
}

// wrongPublisher panics when it is asked where it sends.
type wrongPublisher struct{ ctxPublisher }

func (*wrongPublisher) Destination(taskhawk.Priority) taskhawk.Destination { panic(errDown) }

func TestADestinationThatPanicsFailsTheConstructor(t *testing.T) {
	t.Parallel()
	var log dispatchLog
	_, err := taskhawk.NewHub(taskhawk.Config{
		Publisher: &wrongPublisher{}, DispatchMiddleware: []taskhawk.DispatchMiddleware{log.middleware("m")},
	})
	require.ErrorIs(t, err, errDown)
	_, err = taskhawk.NewHub(taskhawk.Config{Publisher: &wrongPublisher{}})
	require.NoError(t, err, "it is asked for middleware only")
}

// A recorder sees what the middleware of the program's hub adds.
func TestRecordedDispatchesGoThroughMiddleware(t *testing.T) {
	t.Parallel()
	var log dispatchLog
	task := taskhawk.New[emailArgs]("tasks.send_email", nil)
	ctx, recorder := taskhawktest.Record(t, taskhawk.Config{
		DispatchMiddleware: []taskhawk.DispatchMiddleware{log.middleware("m")},
	})
	id, err := task.Dispatch(ctx, emailArgs{})
	require.NoError(t, err)
	require.Equal(t, taskhawk.Headers{"m": id}, recorder.Outgoing()[0].Headers)
}
