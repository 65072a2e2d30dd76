package faults_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// app is the application that all tests are about.
const app = "dev-myapp"

// errFault is what handlers fail with.
var errFault = errors.New("the handler failed")

// jobArgs are the arguments of the task that most tests dispatch. Every one of them
// carries a secret.
type jobArgs struct {
	N      int
	Secret string
}

// setup is what an env is made of. The zero value is a good default.
type setup struct {
	// What is the fault in a few words, for the report.
	What string
	// Handle runs the task of dispatch and fill. Nil succeeds at once.
	Handle func(ctx context.Context, n int) error
	// Job are options of that task.
	Job []taskhawk.TaskOption
	// Tasks adds tasks; wrap their handlers with instrument.
	Tasks func(r *env) []taskhawk.AnyTask
	// Hub changes the configuration of the hub before it is made.
	Hub func(config *taskhawk.Config)
	// Client changes the options of the SQS client.
	Client func(o *sqs.Options)
	// Publisher and Provision are passed on.
	Publisher sqsx.PublisherConfig
	Provision sqsx.ProvisionConfig
	// Loopback serves over TCP on 127.0.0.1, which does not work in a bubble.
	Loopback bool
	// Front stands before the server, with Loopback. Nil for nothing.
	Front func(server http.Handler) http.Handler
}

// tb is what an env stands on: a *testing.T, or a *rapid.T, which shrinks what fails.
type tb interface {
	require.TestingT
	Helper()
	Name() string
	Logf(format string, args ...any)
	Cleanup(f func())
	Context() context.Context
}

// env is an application on an embedded SQS: queues, publisher, hub, and workers that come
// and go. All it sees of tasks, log lines and errors is kept until Check judges it.
type env struct {
	tb

	server    *sqstest.Server
	client    *sqs.Client
	publisher *sqsx.Publisher
	hub       *taskhawk.Hub
	job       *taskhawk.Task[jobArgs]
	sink      *sink
	record    *record
	workers   workers
	what      string
	notes     []string // for the report
	virtual   bool     // its time
}

// inBubble runs a test with an env in a bubble, where time is virtual and there are no
// sockets.
func inBubble(t *testing.T, s setup, test func(r *env)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newEnv(t, s)) })
}

// newEnv makes the server, its queues, a publisher and a hub. The server keys its ledger
// by task id.
func newEnv(t tb, s setup) *env {
	t.Helper()
	r := &env{tb: t, server: sqstest.NewUnstartedServer(), sink: newSink(), record: newRecord(), what: s.What, virtual: !s.Loopback}
	if s.Loopback {
		r.server.Start()
	}
	t.Cleanup(r.server.Close)
	r.server.KeyBy(keyOf)
	r.client = r.newClient(func(o *sqs.Options) {
		if s.Front != nil {
			front := httptest.NewServer(s.Front(r.server))
			t.Cleanup(front.Close)
			o.BaseEndpoint = aws.String(front.URL)
		}
		if s.Client != nil {
			s.Client(o)
		}
	})
	require.NoError(t, sqsx.Provision(t.Context(), r.client, app, s.Provision))
	var err error
	r.publisher, err = sqsx.NewPublisher(r.client, app, s.Publisher)
	require.NoError(t, err)
	r.job = taskhawk.New("tests.job", instrument(r, func(ctx context.Context, args jobArgs) error {
		r.record.ran(args.N)
		if s.Handle == nil {
			return nil
		}
		return s.Handle(ctx, args.N)
	}), s.Job...)
	r.hub = r.newHub(s)
	r.server.ResetCounts()
	return r
}

// newClient makes an SDK client whose credentials are secrets that must not show.
func (r *env) newClient(change func(o *sqs.Options)) *sqs.Client {
	return r.server.Client(func(o *sqs.Options) {
		o.Credentials = credentials.NewStaticCredentialsProvider(canaryKeyID, canaryKey, canaryToken)
		if change != nil {
			change(o)
		}
	})
}

func (r *env) newHub(s setup) *taskhawk.Hub {
	r.Helper()
	config := taskhawk.Config{Publisher: r.publisher, Tasks: []taskhawk.AnyTask{r.job}, Logger: slog.New(r.sink)}
	if s.Tasks != nil {
		config.Tasks = append(config.Tasks, s.Tasks(r)...)
	}
	if s.Hub != nil {
		s.Hub(&config)
	}
	hub, err := taskhawk.NewHub(config)
	require.NoError(r, err)
	return hub
}

// instrument makes a handler that notes in ledger and record when it begins and how it
// ends.
func instrument[A any](r *env, handle func(context.Context, A) error) func(context.Context, A) error {
	return func(ctx context.Context, args A) error {
		metadata := taskhawk.MetadataFrom(ctx)
		r.sink.secret(metadata.Receipt)
		r.record.begin(metadata.ID)
		r.workers.look()
		r.server.Ledger().Note(sqstest.Started, metadata.ID)
		action := taskhawk.ActionRetry // of a handler that panics
		defer func() {
			r.record.end(metadata.ID, action)
			if action == taskhawk.ActionDelete {
				r.server.Ledger().Note(sqstest.Succeeded, metadata.ID)
			}
		}()
		err := handle(ctx, args)
		action = taskhawk.OutcomeOf(err).Action
		return err
	}
}

// await waits until done, at most so long: in a bubble that takes no time, on the
// loopback it does.
func (r *env) await(limit time.Duration, what string, done func() bool) {
	r.Helper()
	deadline := time.Now().Add(limit)
	tick := time.NewTicker(max(limit/1000, 10*time.Millisecond))
	defer tick.Stop()
	for !done() {
		if time.Now().After(deadline) {
			require.Fail(r, what+": not within "+limit.String(), "the last error: %s", r.sink.lastFailure())
		}
		<-tick.C
	}
}

// until waits until done, or until ctx ends.
func (r *env) until(ctx context.Context, done func() bool) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// drain waits until all queues are empty, but for dead letters, at most so long, and
// returns how long it took.
func (r *env) drain(limit time.Duration) time.Duration {
	r.Helper()
	start := time.Now()
	r.await(limit, "the queues drain", func() bool { return r.left() == 0 })
	return time.Since(start)
}

// left is how many messages are on the queues, in flight or not, dead letters apart.
func (r *env) left() int {
	n := 0
	for _, priority := range taskhawk.Priorities() {
		n += len(r.server.Queue(queueName(priority)).Messages)
	}
	return n
}

// letters are the dead letters of a priority.
func (r *env) letters(priority taskhawk.Priority) []sqstest.Message {
	return r.server.Queue(lettersName(priority)).Messages
}

func queueName(priority taskhawk.Priority) string { return sqsx.QueueName(app, priority) }

func lettersName(priority taskhawk.Priority) string {
	return sqsx.DeadLetterQueueName(queueName(priority))
}

// worker is a worker that runs.
type worker struct {
	*sqsx.Worker

	env    *env
	config sqsx.WorkerConfig
	cancel context.CancelFunc
	done   chan error    // has what Run returned
	gone   chan struct{} // closed after that
}

// workers are the running workers of an env, and what they may hold at once.
type workers struct {
	mu      sync.Mutex
	running map[*worker]bool
	most    limits
	over    []string // where a worker held more than it may
}

// limits are what may be at once, over all workers that run.
type limits struct {
	running int // handlers
	held    int // messages of one queue, received and not settled
}

// start runs a worker until its stop.
func (r *env) start(config sqsx.WorkerConfig) *worker {
	r.Helper()
	return r.startWith(r.client, config)
}

// startWith is start with its own client.
func (r *env) startWith(client sqsx.API, config sqsx.WorkerConfig) *worker {
	r.Helper()
	loop, err := sqsx.NewWorker(client, app, r.hub, config)
	require.NoError(r, err)
	ctx, cancel := context.WithCancel(r.Context())
	w := &worker{Worker: loop, env: r, config: config, cancel: cancel, done: make(chan error, 1), gone: make(chan struct{})}
	r.workers.join(w)
	go func() {
		defer close(w.gone)
		err := loop.Run(ctx)
		r.sink.failure(err)
		r.workers.leave(w)
		w.done <- err
	}()
	r.Cleanup(w.discard)
	return w
}

// discard ends the worker of a test that has failed, and waits for its handlers, so that
// the failure is all there is to read.
func (w *worker) discard() {
	w.cancel()
	w.Abort()
	<-w.gone
	deadline := time.NewTimer(time.Hour)
	defer deadline.Stop()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for _, running := w.env.record.peakRunning(); running > 0; _, running = w.env.record.peakRunning() {
		select {
		case <-tick.C:
		case <-deadline.C:
			return
		}
	}
}

// stop ends the worker, which must be clean, and returns how long it took.
func (w *worker) stop() time.Duration {
	w.env.Helper()
	start := time.Now()
	w.cancel()
	require.NoError(w.env, w.wait())
	return time.Since(start)
}

// stopLate is stop for a worker that may have to leave handlers or settlements behind:
// what it says then is a *taskhawk.StopError.
func (w *worker) stopLate() time.Duration {
	w.env.Helper()
	start := time.Now()
	w.cancel()
	if err := w.wait(); err != nil {
		var late *taskhawk.StopError
		require.ErrorAs(w.env, err, &late)
	}
	return time.Since(start)
}

// wait returns what Run returned, once; a stop must have begun, or Run end by itself.
func (w *worker) wait() error {
	w.env.Helper()
	defer w.cancel()
	return <-w.done
}

func (c *workers) join(w *worker) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == nil {
		c.running = map[*worker]bool{}
	}
	c.running[w] = true
	now := limits{}
	for w := range c.running {
		now.running += w.concurrency()
		now.held += w.concurrency() + w.prefetch() + w.settling() + w.limited()
	}
	c.most = limits{max(c.most.running, now.running), max(c.most.held, now.held)}
}

func (c *workers) leave(w *worker) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.running, w)
}

// look compares what each worker holds now with what it may.
func (c *workers) look() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for w := range c.running {
		stats := w.Stats()
		// What is settled while the service is slow keeps its slot.
		if stats.Running > w.concurrency() || stats.Running+stats.Waiting > w.concurrency()+w.prefetch()*w.queues() ||
			stats.Settling > w.settling()+w.concurrency() || stats.Limited > w.limited() {
			c.over = append(c.over, fmt.Sprintf("%d running, %d waiting, %d settling and %d limited, the limits are %d, %d for both, %d and %d",
				stats.Running, stats.Waiting, stats.Settling, stats.Limited,
				w.concurrency(), w.concurrency()+w.prefetch()*w.queues(), w.settling()+w.concurrency(), w.limited()))
		}
	}
}

// limits are the most that was allowed at once, and how many workers run now.
func (c *workers) limits() (most limits, running int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.most, len(c.running)
}

func (w *worker) queues() int {
	if w.config.Priorities == nil {
		return len(taskhawk.Priorities())
	}
	return len(w.config.Priorities)
}

func (w *worker) concurrency() int {
	if w.config.Concurrency == 0 {
		return taskhawk.DefaultConcurrency
	}
	return w.config.Concurrency
}

func (w *worker) prefetch() int {
	if w.config.Prefetch == 0 {
		return max(taskhawk.DefaultPrefetch, w.concurrency())
	}
	return w.config.Prefetch
}

// settling is how many messages may be settled beside the handlers.
func (w *worker) settling() int { return max(w.concurrency(), 100) }

// limited is how many messages may wait because their tasks are at their limits.
func (w *worker) limited() int {
	n := 0
	for _, policy := range w.env.hub.Policies() {
		if policy.MaxConcurrency > 0 {
			n += 2 * cmp.Or(w.config.MaxLimited, taskhawk.DefaultMaxLimited)
		}
	}
	return n
}

// keyOf is the key of a message in the ledger: its task id, so that copies of a task are
// one; what has none goes by its body.
func keyOf(body string) string {
	if decoded, err := base64.StdEncoding.DecodeString(body); err == nil {
		body = string(decoded)
	}
	var message struct{ ID string }
	if json.Unmarshal([]byte(body), &message) == nil && message.ID != "" {
		return message.ID
	}
	sum := sha256.Sum256([]byte(body))
	return "raw " + hex.EncodeToString(sum[:8])
}

// tryDispatch dispatches the task with the number n, and notes id and error for Check.
func (r *env) tryDispatch(n int, options ...taskhawk.DispatchOption) (string, error) {
	id, err := r.job.Dispatch(r.Context(), newArgs(n), append(options, taskhawk.WithHeaders(newHeaders()))...)
	r.sink.failure(err)
	if err == nil {
		r.record.promise(id)
	}
	return id, err
}

// dispatch is tryDispatch that must succeed.
func (r *env) dispatch(n int, options ...taskhawk.DispatchOption) string {
	r.Helper()
	id, err := r.tryDispatch(n, options...)
	require.NoError(r, err)
	return id
}

// tryFill dispatches the tasks 0 to count-1 at once, in batches.
func (r *env) tryFill(count int, options ...taskhawk.DispatchOption) ([]string, error) {
	args := make([]jobArgs, count)
	for n := range args {
		args[n] = newArgs(n)
	}
	ids, err := r.job.DispatchAll(r.Context(), args, append(options, taskhawk.WithHeaders(newHeaders()))...)
	r.sink.failure(err)
	var failed *taskhawk.BatchError
	if errors.As(err, &failed) || err == nil {
		for i, id := range ids {
			if failed == nil || failed.Failed[i] == nil {
				r.record.promise(id)
			}
		}
	}
	return ids, err
}

// fill is tryFill that must succeed.
func (r *env) fill(count int, options ...taskhawk.DispatchOption) []string {
	r.Helper()
	ids, err := r.tryFill(count, options...)
	require.NoError(r, err)
	return ids
}

// fillAll is fill with count tasks on each of the four queues.
func (r *env) fillAll(count int) {
	r.Helper()
	for _, priority := range taskhawk.Priorities() {
		r.fill(count, taskhawk.WithPriority(priority))
	}
}

// raw puts a body on the queue of a priority, as any program could.
func (r *env) raw(priority taskhawk.Priority, body string, change ...func(*sqs.SendMessageInput)) {
	r.Helper()
	in := &sqs.SendMessageInput{QueueUrl: aws.String(r.server.Queue(queueName(priority)).URL), MessageBody: &body}
	for _, c := range change {
		c(in)
	}
	_, err := r.client.SendMessage(r.Context(), in)
	require.NoError(r, err)
}

func newArgs(n int) jobArgs { return jobArgs{N: n, Secret: canaryArgument} }

func newHeaders() taskhawk.Headers { return taskhawk.Headers{"token": canaryHeader} }

// peakHeap runs a function and returns how much the heap grew over it at its largest, in
// bytes. Garbage is collected often, so that what is left of it when the heap is largest
// does not depend on the machine. The test must not be parallel to others.
func peakHeap(run func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	runtime.GC()
	start := heapNow()
	peak, stop, done := start, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(200 * time.Microsecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				peak = max(peak, heapNow())
			case <-stop:
				return
			}
		}
	}()
	run()
	close(stop)
	<-done
	return peak - start
}

func heapNow() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// allocations runs a function and returns how much it allocates, in bytes, collected or
// not. The test must not be parallel to others.
func allocations(run func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	run()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
