package faults_test

import (
	"context"

	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/taskhawktest"
)

// The ways in which code of the user does not return.
const (
	byPanic = "panics"
	byExit  = "ends its goroutine"
	byHang  = "hangs"
)

// culprit is code of the user that does not return.
type culprit struct {
	how     string
	armed   atomic.Bool   // it acts once
	release chan struct{} // ends a hang
}

// act does it, once.
func (c *culprit) act() {
	if !c.armed.CompareAndSwap(true, false) {
		return
	}
	switch c.how {
	case byPanic:
		panic(canaryArgument)
	case byExit:
		runtime.Goexit()
	case byHang:
		<-c.release
	}
}

// failure is the text of the error that it ends with.
func (c *culprit) failure() string {
	if c.how == byPanic {
		return "panic (string)"
	}
	return "the goroutine was ended by runtime.Goexit"
}

// culprits finds those that a value must act for, by the value.
var culprits sync.Map

func actFor(value string) {
	if c, ok := culprits.Load(value); ok {
		c.(*culprit).act()
	}
}

// wildJSON and wildText are arguments with methods of the user.
type (
	wildJSON string
	wildText string
)

func (v *wildJSON) UnmarshalJSON(text []byte) error {
	actFor(strings.Trim(string(text), `"`))
	*v = "read"
	return nil
}

func (v wildJSON) MarshalJSON() ([]byte, error) {
	actFor(string(v))
	return []byte(`"written"`), nil
}

func (v *wildText) UnmarshalText(text []byte) error {
	actFor(string(text))
	*v = "read"
	return nil
}

func (v wildText) MarshalText() ([]byte, error) {
	actFor(string(v))
	return []byte("written"), nil
}

// wildValue is what a log line resolves.
type wildValue struct{ *culprit }

func (v wildValue) LogValue() slog.Value {
	v.act()
	return slog.StringValue("v")
}

// wildArgs are the arguments of the task that meets the culprit.
type wildArgs struct {
	JSON wildJSON `taskhawk:"json,optional"`
	Text wildText `taskhawk:"text,optional"`
}

// wildValidator asks the culprit about the arguments of its task.
type wildValidator struct{ *culprit }

func (v wildValidator) Struct(any) error {
	v.act()
	return nil
}

// scene is a culprit at one place of a program that runs a bad task and a good one.
type scene struct {
	*culprit

	config  taskhawk.Config
	options []taskhawk.TaskOption
	handle  func(ctx context.Context) error // of the bad task
	kwargs  string                          // of the bad message
	wrap    func(taskhawk.Queue) taskhawk.Queue
	backoff taskhawk.Backoff
	sink    *sink
	ran     atomic.Int32 // times that the good task ran
	either  bool         // the culprit serves both messages, so that either may meet it
}

// place is where the library calls code of the user.
type place struct {
	name string
	// set puts the culprit there.
	set func(s *scene)
	// succeeds is set where the task succeeds all the same.
	succeeds bool
	// line is the text of the line that tells of it, with text in its error; empty where
	// there is none.
	line, text string
	// ways are those that lead there; nil is for all.
	ways []string
}

// retried is the line about a task that failed.
const retried = "task failed; will be retried"

// deliveryPlaces are those of a delivery.
func deliveryPlaces() []place {
	places := []place{
		{name: "handler", line: retried, set: func(s *scene) {
			s.handle = func(context.Context) error {
				s.act()
				return nil
			}
		}},
		{name: "middleware", line: retried, set: func(s *scene) {
			s.config.Middleware = []taskhawk.Middleware{func(next taskhawk.Handler) taskhawk.Handler {
				return func(ctx context.Context, msg *taskhawk.Message) error {
					if msg.Task == "tests.bad" {
						s.act()
					}
					return next(ctx, msg)
				}
			}}
		}},
		{name: "UnmarshalJSON", line: retried, set: func(s *scene) { s.kwargs = `{"json":"` + s.key() + `"}` }},
		{name: "UnmarshalText", line: retried, set: func(s *scene) { s.kwargs = `{"text":"` + s.key() + `"}` }},
		{name: "validator", line: retried, set: func(s *scene) {
			s.options = append(s.options, taskhawk.WithValidator(wildValidator{s.culprit}))
		}},
		{name: "log handler, Handle", succeeds: true, set: func(s *scene) {
			s.config.Logger = slog.New(wildHandler{Handler: s.sink, scene: s, method: "Handle"})
		}},
		{name: "log handler, Enabled", succeeds: true, set: func(s *scene) {
			s.config.Logger = slog.New(wildHandler{Handler: s.sink, scene: s, method: "Enabled"})
		}},
		{name: "LogValue", succeeds: true, set: func(s *scene) {
			s.handle = func(ctx context.Context) error {
				taskhawk.AddLogAttrs(ctx, slog.Any("value", wildValue{s.culprit}))
				return nil
			}
		}},
		{name: "MarshalJSON of a logged value", succeeds: true, set: func(s *scene) {
			//nolint:sloglint // DiscardHandler would not marshal the value
			s.config.Logger = slog.New(slog.NewJSONHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelDebug}))
			s.handle = func(ctx context.Context) error {
				taskhawk.AddLogAttrs(ctx, slog.Any("value", wildJSON(s.key())))
				return nil
			}
		}},
		{
			name: "Backoff", line: "backoff failed; using the longest default", ways: []string{"worker", "SQS"},
			set: func(s *scene) {
				s.handle = func(context.Context) error { return errFault }
				s.backoff = func(int) time.Duration {
					s.act()
					return time.Hour
				}
			},
		},
	}
	for _, method := range []string{"Error", "Unwrap", "Is", "As"} {
		for _, permanent := range []bool{false, true} {
			p := place{name: method + " of an error", line: retried}
			p.text = "faults_test.brokenError: its " + method + " method "
			if permanent {
				p.name, p.line = p.name+", permanent", "task failed for good"
			}
			p.set = func(s *scene) {
				failure := error(brokenError{method, func() { s.armed.Store(true); s.act() }})
				if permanent {
					failure = taskhawk.Permanent(failure)
				}
				s.handle = func(context.Context) error { return failure }
			}
			places = append(places, p)
		}
	}
	for _, method := range []string{"SetVisibility", "DeadLetter", "Delete"} {
		ways := []string{"worker", "SQS"}
		if method == "Delete" {
			ways = ways[:1] // Lambda deletes what is done
		}
		places = append(places, place{
			name: method + " of a transport", line: "settling failed", ways: ways, succeeds: method == "Delete",
			set: func(s *scene) {
				s.wrap = func(q taskhawk.Queue) taskhawk.Queue { return wildQueue{q, s.culprit, method} }
				s.handle = func(context.Context) error {
					return map[string]error{"SetVisibility": errFault, "DeadLetter": taskhawk.Permanent(errFault)}[method]
				}
			},
		})
	}
	return append(places, place{
		name: "Receive of a transport", line: "receive failed; retrying", ways: []string{"worker"}, succeeds: true,
		set: func(s *scene) {
			s.wrap = func(q taskhawk.Queue) taskhawk.Queue {
				return wildQueue{q, s.culprit, "Receive"}
			}
		},
	})
}

// key is a value that the culprit acts for.
func (s *scene) key() string {
	key := fmt.Sprintf("wild-%p", s)
	culprits.Store(key, s.culprit)
	return key
}

// wildHandler is a log handler that meets the culprit over a line of the bad task.
type wildHandler struct {
	slog.Handler

	scene  *scene
	method string
}

func (h wildHandler) Enabled(ctx context.Context, level slog.Level) bool {
	if h.method == "Enabled" {
		h.scene.act()
	}
	return h.Handler.Enabled(ctx, level)
}

func (h wildHandler) Handle(ctx context.Context, record slog.Record) error {
	bad := false
	record.Attrs(func(a slog.Attr) bool {
		bad = bad || a.Key == "task" && a.Value.String() == "tests.bad"
		return true
	})
	if bad && h.method == "Handle" {
		h.scene.act()
	}
	return h.Handler.Handle(ctx, record)
}

// wildQueue is a queue of a transport, one of whose methods meets the culprit.
type wildQueue struct {
	taskhawk.Queue
	*culprit

	method string
}

func (q wildQueue) meet(method string) {
	if q.method == method && q.Info().Priority == taskhawk.Default {
		q.act()
	}
}

func (q wildQueue) Receive(ctx context.Context, limit int, wait time.Duration) ([]*taskhawk.Delivery, error) {
	q.meet("Receive")
	return q.Queue.Receive(ctx, limit, wait)
}

func (q wildQueue) SetVisibility(ctx context.Context, d *taskhawk.Delivery, timeout time.Duration) error {
	q.meet("SetVisibility")
	return q.Queue.SetVisibility(ctx, d, timeout)
}

func (q wildQueue) DeadLetter(ctx context.Context, d *taskhawk.Delivery, letter taskhawk.DeadLetter) error {
	q.meet("DeadLetter")
	return q.Queue.DeadLetter(ctx, d, letter)
}

func (q wildQueue) Delete(ctx context.Context, d *taskhawk.Delivery) error {
	q.meet("Delete")
	return q.Queue.Delete(ctx, d)
}

// newScene makes the two tasks. The bad one is of default priority, the good one of a
// high one.
func newScene(how string, p place) (s *scene, bad *taskhawk.Task[wildArgs], good *taskhawk.Task[struct{}]) {
	s = &scene{culprit: &culprit{how: how, release: make(chan struct{})}, sink: newSink(), kwargs: "{}"}
	s.handle = func(context.Context) error { return nil }
	s.config.Logger = slog.New(s.sink)
	p.set(s)
	s.either = strings.HasPrefix(p.name, "log handler")
	bad = taskhawk.New("tests.bad", func(ctx context.Context, _ wildArgs) error { return s.handle(ctx) }, s.options...)
	good = taskhawk.New("tests.good", func(context.Context, struct{}) error {
		s.ran.Add(1)
		return nil
	})
	s.config.Tasks = []taskhawk.AnyTask{bad, good}
	s.armed.Store(true)
	return s, bad, good
}

func (s *scene) hub(t *testing.T) *taskhawk.Hub {
	t.Helper()
	hub, err := taskhawk.NewHub(s.config)
	require.NoError(t, err)
	return hub
}

// bodies are the messages of the bad task and of the good one.
func (s *scene) bodies() [2]string {
	const text = `{"id":"%s","metadata":{"priority":"default","timestamp":1,"version":"1.0"},"headers":{},` +
		`"task":"tests.%[1]s","args":[],"kwargs":%s}`
	return [2]string{fmt.Sprintf(text, "bad", s.kwargs), fmt.Sprintf(text, "good", "{}")}
}

// ways are the ways to a handler. Each lets the bad message meet the culprit, and reports
// whether its task is done; a hang ends before it returns.
func ways() map[string]way {
	return map[string]way{"worker": byWorker, "Sync": inSync, "SQS": bySQS, "SNS": bySNS}
}

type way func(t *testing.T, s *scene, bad *taskhawk.Task[wildArgs], good *taskhawk.Task[struct{}]) (done bool)

func byWorker(t *testing.T, s *scene, _ *taskhawk.Task[wildArgs], _ *taskhawk.Task[struct{}]) bool {
	t.Helper()
	memory := taskhawktest.NewMemory(taskhawktest.MemoryConfig{MaxReceiveCount: 100})
	queues := memory.Queues(taskhawk.Default, taskhawk.High)
	if s.wrap != nil {
		queues[0] = s.wrap(queues[0])
	}
	backoff := s.backoff
	if backoff == nil {
		backoff = func(int) time.Duration { return time.Hour }
	}
	worker, err := taskhawk.NewWorker(s.hub(t), queues, taskhawk.WorkerConfig{
		Concurrency: 2, Backoff: backoff, GracePeriod: 10 * time.Second,
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- worker.Run(ctx) }()
	for i, priority := range []taskhawk.Priority{taskhawk.Default, taskhawk.High} {
		out := &taskhawk.Outgoing{ID: fmt.Sprint(i), Priority: priority, Body: s.bodies()[i]}
		require.NoError(t, memory.Publish(t.Context(), out))
	}
	time.Sleep(10 * time.Minute)
	require.EqualValues(t, 1, s.ran.Load(), "the good task is not held up")
	for _, health := range worker.Health() {
		if s.how != byHang || health.Priority == taskhawk.High {
			require.Less(t, time.Since(health.LastPoll), time.Minute, "polls go on: %s", health.Queue)
		}
	}
	left, _ := memory.Depth(taskhawk.Default)
	stop()
	start := time.Now()
	err = <-stopped
	require.LessOrEqual(t, time.Since(start), 11*time.Second, "a stop keeps its bound")
	if s.how != byHang {
		require.NoError(t, err)
	}
	close(s.release)
	return left == 0
}

func bySQS(t *testing.T, s *scene, _ *taskhawk.Task[wildArgs], _ *taskhawk.Task[struct{}]) bool {
	t.Helper()
	// The settler of a transport, with no message: what it says of that is not asked
	// here.
	var settler taskhawk.Queue = settled{}
	if s.wrap != nil {
		settler = s.wrap(settler)
	}
	handler, err := lambdax.SQS(s.hub(t), lambdax.SQSConfig{
		PartialBatch: true, Concurrency: 2, Settler: settler, Backoff: s.backoff,
	})
	require.NoError(t, err)
	var event events.SQSEvent
	for i, body := range s.bodies() {
		event.Records = append(event.Records, events.SQSMessage{
			MessageId: []string{"bad", "good"}[i], Body: body, ReceiptHandle: "r",
			EventSource: "aws:sqs", EventSourceARN: "arn:aws:sqs:r:a:q",
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	response, err := handler(ctx, event)
	require.NoError(t, err)
	require.NoError(t, ctx.Err(), "the answer leaves in time")
	close(s.release)
	require.EqualValues(t, 1, s.ran.Load())
	require.LessOrEqual(t, len(response.BatchItemFailures), 1)
	for _, failed := range response.BatchItemFailures {
		require.True(t, s.either || failed.ItemIdentifier == "bad", failed.ItemIdentifier)
	}
	return len(response.BatchItemFailures) == 0
}

// settled is a queue that settles everything.
type settled struct{ taskhawk.Queue }

func (settled) Info() taskhawk.QueueInfo                                                  { return taskhawk.QueueInfo{} }
func (settled) SetVisibility(context.Context, *taskhawk.Delivery, time.Duration) error    { return nil }
func (settled) Delete(context.Context, *taskhawk.Delivery) error                          { return nil }
func (settled) DeadLetter(context.Context, *taskhawk.Delivery, taskhawk.DeadLetter) error { return nil }

func bySNS(t *testing.T, s *scene, _ *taskhawk.Task[wildArgs], _ *taskhawk.Task[struct{}]) bool {
	t.Helper()
	handler, err := lambdax.SNS(s.hub(t), lambdax.SNSConfig{Concurrency: 2})
	require.NoError(t, err)
	var event events.SNSEvent
	for i, body := range s.bodies() {
		record := events.SNSEventRecord{EventSource: "aws:sns"}
		record.SNS.MessageID, record.SNS.Message = []string{"bad", "good"}[i], body
		event.Records = append(event.Records, record)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err = handler(ctx, event)
	require.NoError(t, ctx.Err(), "the answer leaves in time")
	close(s.release)
	require.EqualValues(t, 1, s.ran.Load())
	if err == nil {
		return true
	}
	var failed *lambdax.BatchError
	require.ErrorAs(t, err, &failed)
	require.NotErrorIs(t, err, io.EOF, "Lambda looks through the error")
	s.sink.failure(err)
	require.Len(t, failed.Failed, 1)
	return false
}

func inSync(t *testing.T, s *scene, bad *taskhawk.Task[wildArgs], good *taskhawk.Task[struct{}]) (done bool) {
	t.Helper()
	s.config.Sync = true
	hub := s.hub(t)
	ctx := taskhawk.ContextWithHub(t.Context(), hub)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// The message is that of the other ways: arguments that meet the culprit when
		// they are read, and not before.
		err := hub.Handle(ctx, &taskhawk.Delivery{Body: s.bodies()[0], MessageID: "bad"})
		if s.kwargs == "{}" {
			s.armed.Store(true)
			_, dispatched := bad.Dispatch(ctx, wildArgs{})
			if s.how != byHang && (err == nil) != (dispatched == nil) {
				t.Errorf("Handle returned %v, Dispatch %v", err, dispatched)
			}
			s.sink.failure(dispatched)
		}
		done = err == nil
		s.sink.failure(err)
	}()
	synctest.Wait()
	if s.how == byExit && !done {
		<-ended // with the goroutine that dispatched
	}
	_, err := good.Dispatch(ctx, struct{}{})
	require.NoError(t, err)
	require.EqualValues(t, 1, s.ran.Load())
	close(s.release)
	<-ended
	return done
}

// Code of the user that panics, ends its goroutine or hangs is a failure apart
// delivery: no process ends, other tasks run, polls go on, stops and answers keep their
// time, and a line tells of it.
func TestT54UserCodeOfADelivery(t *testing.T) {
	t.Parallel()
	for _, p := range deliveryPlaces() {
		for way, run := range ways() {
			if p.ways != nil && !strings.Contains(strings.Join(p.ways, " "), way) {
				continue
			}
			for _, how := range []string{byPanic, byExit, byHang} {
				t.Run(p.name+" "+how+", "+way, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						s, bad, good := newScene(how, p)
						done := run(t, s, bad, good)
						synctest.Wait()
						if p.name != "LogValue" { // of which slog itself writes the stack
							require.Empty(t, s.sink.leaks(), "no panic value is shown")
						}
						if how == byHang {
							return // what a released call goes on to do is as without the culprit
						}
						require.False(t, s.armed.Load(), "the culprit was met")
						if way != "worker" || !strings.HasSuffix(p.name, "of a transport") {
							require.Equal(t, p.succeeds || done && p.line == "task failed for good" && way != "SNS", done)
						}
						s.requireLine(t, p)
					})
				})
			}
		}
	}
}

// requireLine finds the line that tells of the culprit.
func (s *scene) requireLine(t *testing.T, p place) {
	t.Helper()
	if p.line == "" {
		return
	}
	want := p.text
	if want == "" {
		want = s.failure()
	}
	for _, l := range s.sink.lines("") {
		if strings.Contains(l.Text, p.line) && strings.Contains(l.Attrs["error"], want) {
			return
		}
	}
	require.Fail(t, "no line tells of it", "%q with %q: %v", p.line, want, s.sink.lines(""))
}
