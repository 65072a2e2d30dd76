package faults_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// stage is how many tasks of the soak are judged together.
const stage = 250

// The soak: stage after stage of tasks of every temper, random faults, one worker that
// lives through it all and others that come and go. Between stages all is healed, judged
// and forgotten by the env, so that what the process still holds is the library's. It is
// not parallel to other tests, whose memory would count.
//
//nolint:paralleltest // see above
func TestT53Soak(t *testing.T) {
	stages := sized(1_000, 200_000) / stage
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	c := func(n int, _ string) int { return random.IntN(n) }
	inBubble(t, setup{What: "soak: random faults, workers come and go", Handle: behave}, func(r *env) {
		start := time.Now()
		survivor := r.start(sqsx.WorkerConfig{Concurrency: 20})
		var points []usage
		n := 1
		// A seed of short pauses needs one stage more for an hour.
		for ; n <= stages || time.Since(start) < time.Hour; n++ {
			r.soak(c)
			r.judge()
			r.forget()
			if n*4%stages < 4 {
				points = append(points, measure())
			}
		}
		survivor.stop()
		r.notef("%d tasks in %s of virtual time, seed %d; at the quarters: %+v", (n-1)*stage, time.Since(start), seed, points)
		first, last := points[0], points[len(points)-1]
		require.LessOrEqual(r, last.heap, first.heap+1<<20, "bytes of heap")
		require.LessOrEqual(r, last.goroutines, first.goroutines+2)
		r.Check(want{Stranded: stage, Refused: refusals(stage)})
	})
}

// soak is one stage, of some minutes.
func (r *env) soak(c chooser) {
	r.Helper()
	w := r.passing(anyWorker(c))
	for n := range stage {
		if n%25 == 0 {
			r.server.Inject(anyFault(c))
		}
		if n%100 == 99 {
			w.stopLate()
			w = r.passing(anyWorker(c))
		}
		temperOf := c(int(tempers), "temper")
		_, _ = r.tryDispatch(n*int(tempers)+temperOf, taskhawk.WithPriority(choose(c, "priority", taskhawk.Priorities()...)))
		time.Sleep(time.Duration(c(6000, "pause")) * time.Millisecond)
	}
	r.server.Heal()
	r.drain(2 * time.Hour)
	w.stopLate()
}

// passing is start without a trace that outlives the worker.
func (r *env) passing(config sqsx.WorkerConfig) *worker {
	r.Helper()
	loop, err := sqsx.NewWorker(r.client, app, r.hub, config)
	require.NoError(r, err)
	ctx, cancel := context.WithCancel(r.Context())
	w := &worker{Worker: loop, env: r, config: config, cancel: cancel, done: make(chan error, 1)}
	r.workers.join(w)
	go func() {
		err := loop.Run(ctx)
		r.workers.leave(w)
		w.done <- err
	}()
	return w
}

// judge is Check while a worker goes on.
func (r *env) judge() {
	r.Helper()
	audit := r.server.Ledger().Audit()
	lost := append(r.broken(), audit.Lost...)
	r.report(figures{
		Tasks: audit.Accepted, Runs: audit.Started, Lost: len(lost),
		Explained: r.record.duplicates(), Unexplained: len(audit.Unexplained),
	})
	require.True(r, audit.Complete)
	require.Empty(r, lost)
	require.Empty(r, r.premature(audit))
	require.Empty(r, audit.Unexplained)
	require.Zero(r, audit.Left)
	require.Empty(r, r.sink.leaks())
	r.checkRefused(refusals(stage))
}

// forget empties ledger, record, sink and dead-letter queues.
func (r *env) forget() {
	r.Helper()
	time.Sleep(time.Minute) // a queue can be purged once in that time, and handlers left behind end
	for _, priority := range taskhawk.Priorities() {
		_, err := r.client.PurgeQueue(r.Context(), &sqs.PurgeQueueInput{QueueUrl: aws.String(r.server.Queue(lettersName(priority)).URL)})
		require.NoError(r, err)
	}
	r.server.Ledger().Reset()
	r.server.ResetCounts()
	r.record.forget()
	r.sink.forget()
}

func (b *record) forget() {
	fresh := newRecord()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.promised, b.started, b.failed, b.buried, b.times = fresh.promised, fresh.started, fresh.failed, fresh.buried, fresh.times
}

func (s *sink) forget() {
	fresh := newSink()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logged, s.errors, s.secrets = nil, nil, fresh.secrets
}

// usage is what the process holds, in bytes.
type usage struct {
	heap, stacks uint64
	goroutines   int
}

func measure() usage {
	runtime.GC()
	runtime.GC() // what the first has found for finalizers and pools
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return usage{stats.HeapAlloc, stats.StackInuse, runtime.NumGoroutine()}
}

// bulkyArgs make a body of a kilobyte.
type bulkyArgs struct{ Text string }

// What a task in flight costs beside its body: lease, delivery, message, attributes,
// timer and goroutine, and what the server, which is in the same process, notes of it.
// Not parallel to other tests, whose memory would count.
//
//nolint:paralleltest // see above
func TestT53MemoryPerTaskInFlight(t *testing.T) {
	// The row that takes most is the first: the second uses its goroutines again, which
	// have 500 bytes each beside their stacks.
	for _, row := range []struct {
		what    string
		headers func(context.Context, string) taskhawk.Headers
	}{
		{"thousands in flight, each with a trace", func(context.Context, string) taskhawk.Headers {
			return taskhawk.Headers{"traceparent": fmt.Sprintf("00-%032x-%016x-01", rand.Uint64(), rand.Uint64())}
		}},
		{"thousands in flight", nil},
	} {
		t.Run(row.what, func(t *testing.T) { measureInFlight(t, row.what, row.headers) })
	}
}

func measureInFlight(t *testing.T, what string, headers func(ctx context.Context, task string) taskhawk.Headers) {
	t.Helper()
	tasks, body := 10_000, 1<<10
	release := func() {}
	var bulky *taskhawk.Task[bulkyArgs]
	s := setup{
		What: what,
		Hub:  func(config *taskhawk.Config) { config.DefaultHeaders = headers },
		Tasks: func(*env) []taskhawk.AnyTask {
			released := make(chan struct{})
			release = func() { close(released) }
			bulky = taskhawk.New("tests.bulky", func(context.Context, bulkyArgs) error {
				<-released
				return nil
			})
			return []taskhawk.AnyTask{bulky}
		},
	}
	inBubble(t, s, func(r *env) {
		r.server.LimitLedger(0)
		_, err := bulky.DispatchAll(r.Context(), makeBulky(tasks, body))
		require.NoError(r, err)
		config := onlyDefault()
		config.Concurrency, config.VisibilityTimeout = tasks, 12*time.Hour
		before := measure()
		w := r.start(config)
		time.Sleep(time.Minute)
		require.Equal(r, tasks, w.Stats().Running)
		after := measure()
		release()
		r.drain(time.Minute)
		w.stop()
		heap, stack := int(after.heap-before.heap)/tasks-body, int(after.stacks-before.stacks)/tasks
		require.LessOrEqual(r, heap, 6<<10)
		if !raceDetector { // with it, stacks are twice as large
			r.notef("beside a body of %d bytes a task in flight takes %d bytes of heap and %d of stack", body, heap, stack)
			r.report(figures{})
			// The goroutine's stack is half of it.
			require.LessOrEqual(r, heap+stack, 8<<10)
		}
	})
}

func makeBulky(tasks, body int) []bulkyArgs {
	args := make([]bulkyArgs, tasks)
	for n := range args {
		args[n].Text = strings.Repeat("x", body)
	}
	return args
}

// chooser chooses a number from 0 to n-1: by chance, or so that a failure can be shrunk.
type chooser func(n int, what string) int

// choose chooses an element.
func choose[T any](c chooser, what string, from ...T) T { return from[c(len(from), what)] }

// temper is how a task behaves; the last digit of its number says it.
type temper int

// The tempers, from the usual one to those that end as dead letters.
const (
	quick temper = iota
	moderate
	slow // outlasts the visibility timeout
	failsOnce
	retriesLater
	panicsOnce
	exitsOnce // by runtime.Goexit
	ignored
	permanent
	stubborn // ends as a dead letter where six failures are too many
	tempers
)

// behave is the handler of chaos.
func behave(ctx context.Context, n int) error {
	attempt := taskhawk.MetadataFrom(ctx).Attempt
	switch temper(n % int(tempers)) {
	case moderate:
		return long(300*time.Millisecond)(ctx, n)
	case slow:
		return long(40*time.Second)(ctx, n)
	case ignored:
		return taskhawk.Ignore(errFault)
	case permanent:
		return taskhawk.Permanent(errFault)
	case stubborn:
		if attempt <= 6 {
			return errFault
		}
	case failsOnce, retriesLater, panicsOnce, exitsOnce:
		if attempt == 1 {
			return stumble(temper(n % int(tempers)))
		}
	case quick, tempers:
	}
	return nil
}

func stumble(how temper) error {
	if how == panicsOnce {
		panic(errFault)
	}
	if how == exitsOnce {
		runtime.Goexit()
	}
	if how == retriesLater {
		return taskhawk.RetryAfter(20*time.Second, errFault)
	}
	return errFault
}

// bury notes that the task may be deleted from a dead-letter queue: a redrive does so
// once it has stored a copy.
func (b *record) bury(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buried[id] = true
}

// anyFault is a fault on an operation of the transport, a few times or for a while.
func anyFault(c chooser) sqstest.Fault {
	operation := choose(c, "operation", transportOperations()...)
	fault := sqstest.Fault{On: operation, After: c(2, "after") == 1, Times: 1 + c(6, "times"), Do: anyEffect(c, operation)}
	if c(3, "priority") == 0 {
		fault.Queue = queueName(choose(c, "queue", taskhawk.Priorities()...))
	}
	return fault
}

func anyEffect(c chooser, operation string) sqstest.Effect {
	effects := []func() sqstest.Effect{
		sqstest.Reset,
		sqstest.Silence,
		func() sqstest.Effect {
			return sqstest.Delay(choose(c, "delay", time.Second, 8*time.Second, 25*time.Second))
		},
		func() sqstest.Effect {
			return sqstest.Status(choose(c, "status", http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusTooManyRequests), "")
		},
		func() sqstest.Effect {
			return sqstest.Error(choose(c, "code", "InternalError", "RequestThrottled", "KmsThrottled", "AccessDenied"), "for a while")
		},
		func() sqstest.Effect { return sqstest.Truncate(c(200, "bytes")) },
		func() sqstest.Effect { return sqstest.ClockSkew(time.Hour) },
	}
	if operation == sqstest.OpReceiveMessage {
		return choose(c, "effect", append(effects, ofReceives(c)...)...)()
	}
	effects = append(effects,
		func() sqstest.Effect { return sqstest.FailEntries("InternalError", false, c(10, "entry")) },
		func() sqstest.Effect { return sqstest.FailEntries("InvalidParameterValue", true, c(10, "entry")) },
		func() sqstest.Effect { return sqstest.OmitEntries(c(10, "entry")) },
	)
	if operation == sqstest.OpSendMessageBatch {
		effects = append(effects, func() sqstest.Effect { return sqstest.CorruptMD5(c(10, "entry")) })
	} else {
		effects = append(effects, sqstest.Pretend)
	}
	return choose(c, "effect", effects...)()
}

// ofReceives are the effects that only receives have.
func ofReceives(c chooser) []func() sqstest.Effect {
	return []func() sqstest.Effect{
		func() sqstest.Effect { return sqstest.CorruptMD5(c(10, "message")) },
		func() sqstest.Effect { return sqstest.StaleReceipts(c(10, "message")) },
		func() sqstest.Effect { return sqstest.Redeliver(c(10, "message")) },
		func() sqstest.Effect { return sqstest.DuplicateInBatch(c(10, "message")) },
		sqstest.OrphanPoll,
	}
}

// anyWorker is a configuration of a worker.
func anyWorker(c chooser) sqsx.WorkerConfig {
	return sqsx.WorkerConfig{
		Concurrency:       choose(c, "concurrency", 1, 3, 10),
		Prefetch:          choose(c, "prefetch", 10, 1, 3),
		VisibilityTimeout: choose(c, "visibility", 30*time.Second, 5*time.Second),
		WaitTime:          choose(c, "wait", 20*time.Second, time.Second),
		GracePeriod:       choose(c, "grace", 25*time.Second, time.Second),
		StrictPriority:    c(2, "strict") == 1,
		AbortPolls:        c(2, "abort") == 1,
	}
}

// refusals is how often SQS may refuse what chaos makes the library ask for: changes of
// visibility and deletes of messages that were taken away, deleted by a call whose answer
// was lost, or held by a receipt handle that a fault has made stale.
func refusals(times int) map[string]int {
	return map[string]int{"MessageNotInflight": times, "InvalidParameterValue": times, "RequestTimeTooSkewed": times}
}

// machine is a service in which anything happens in any order.
type machine struct {
	*env

	workers  []*worker
	sent     int
	redriven int
}

// choosing draws what a chooser chooses.
func choosing(draw *rapid.T) chooser {
	return func(n int, what string) int { return rapid.IntRange(0, n-1).Draw(draw, what) }
}

// The actions of the machine are those of its operators and of fate. Whatever they are,
// no task is lost, none is deleted before it succeeded, and none runs twice without a
// cause in the ledger. What fails is shrunk, and kept in testdata/rapid.
func TestT53AnythingInAnyOrder(t *testing.T) {
	t.Parallel()
	checkInBubbles(t, func(draw *rapid.T, b tb) {
		s := setup{What: "random actions and faults in random order", Handle: behave}
		s.Provision.MaxReceiveCount = rapid.SampledFrom([]int{1000, 5, 2}).Draw(draw, "max receive count")
		m := &machine{env: newEnv(b, s)}
		draw.Repeat(map[string]func(*rapid.T){
			"":      m.check,
			"send":  m.send,
			"start": m.startWorker,
			"stop":  m.stopWorker,
			"fault": func(draw *rapid.T) { m.server.Inject(anyFault(choosing(draw))) },
			"heal":  func(*rapid.T) { m.server.Heal() },
			"advance": func(draw *rapid.T) {
				time.Sleep(time.Duration(rapid.IntRange(1, 90).Draw(draw, "seconds")) * time.Second)
			},
			"redrive": m.redrive,
		})
		m.end()
	})
}

func (m *machine) check(*rapid.T) {
	m.Helper()
	require.Empty(m, m.broken(), "dispatched and not stored")
	audit := m.server.Ledger().Audit()
	require.Empty(m, audit.Lost)
	require.Empty(m, m.premature(audit))
	require.Empty(m, audit.Unexplained)
}

func (m *machine) send(draw *rapid.T) {
	count := rapid.IntRange(1, 12).Draw(draw, "tasks")
	how := rapid.IntRange(int(quick), int(tempers)-1).Draw(draw, "temper")
	priority := rapid.SampledFrom(taskhawk.Priorities()).Draw(draw, "priority")
	for range count {
		m.sent++
		_, _ = m.tryDispatch(m.sent*int(tempers)+how, taskhawk.WithPriority(priority))
	}
}

func (m *machine) startWorker(draw *rapid.T) {
	if len(m.workers) < 3 {
		m.workers = append(m.workers, m.start(anyWorker(choosing(draw))))
	}
}

func (m *machine) stopWorker(draw *rapid.T) {
	if len(m.workers) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.workers)-1).Draw(draw, "worker")
	m.workers[i].stopLate()
	m.workers = append(m.workers[:i], m.workers[i+1:]...)
}

// redrive moves the dead letters back. A letter is deleted once its copy is stored,
// without having succeeded.
func (m *machine) redrive(draw *rapid.T) {
	for _, priority := range taskhawk.Priorities() {
		for _, letter := range m.letters(priority) {
			m.record.bury(keyOf(letter.Body))
		}
	}
	m.redriven += len(taskhawk.Priorities())
	ctx, cancel := context.WithTimeout(m.Context(), time.Duration(rapid.IntRange(1, 60).Draw(draw, "patience"))*time.Second)
	defer cancel()
	_, err := sqsx.Redrive(ctx, m.client, app, sqsx.RedriveConfig{})
	m.sink.failure(err)
}

// end heals everything and lets a worker finish what is left.
func (m *machine) end() {
	m.server.Heal()
	for _, w := range m.workers {
		w.stopLate()
	}
	last := m.start(sqsx.WorkerConfig{Concurrency: 50})
	m.drain(2 * time.Hour)
	last.stop()
	time.Sleep(time.Minute) // for handlers that were left behind
	// What was received has a call under way, which is made three times when its answers
	// are lost, and each time too late perhaps.
	const attempts = 3
	refused := refusals(attempts * m.server.Ledger().Count(sqstest.Received))
	refused["UnsupportedOperation"] = m.redriven // SQS moves dead letters for one redrive at a time
	m.Check(want{Duplicates: m.record.duplicates(), Stranded: m.sent, Dead: m.server.Ledger().Audit().Dead, Refused: refused})
}

// conductor runs the handlers of worker processes from the test: a handler there asks
// what to do and waits for the answer.
type conductor struct {
	env    *env
	server *httptest.Server

	mu      sync.Mutex
	decide  func(ctx context.Context, n int) command
	begun   map[string]bool // ids of the tasks whose handler began
	running int
	clients map[string]bool // addresses of the open connections
}

// conduct starts a conductor. decide is called for every run, concurrently; its ctx ends
// when the handler in the process has given up, or the process is gone.
func (r *env) conduct(decide func(ctx context.Context, n int) command) *conductor {
	c := &conductor{env: r, decide: decide, begun: map[string]bool{}, clients: map[string]bool{}}
	c.server = httptest.NewUnstartedServer(c)
	c.server.Config.ConnState = c.connection
	c.server.Start()
	r.Cleanup(c.server.Close)
	return c
}

// connection notes which connections are open.
func (c *conductor) connection(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.clients[conn.RemoteAddr().String()] = true
	case http.StateClosed, http.StateHijacked:
		delete(c.clients, conn.RemoteAddr().String())
	case http.StateActive, http.StateIdle:
	}
}

// awaitKilled waits until the runs of a killed process have ended. Its last requests may
// not have been read when the process is gone, nor its last connections accepted. They
// are accepted in order, so those of the process come before one that is made now.
func (c *conductor) awaitKilled() {
	c.env.Helper()
	last, err := (&net.Dialer{}).DialContext(c.env.Context(), "tcp", c.server.Listener.Addr().String())
	require.NoError(c.env, err)
	defer last.Close()
	c.env.await(time.Minute, "the handlers are gone with the process", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.clients[last.LocalAddr().String()] && len(c.clients) == 1
	})
}

// ServeHTTP is one run. It notes in ledger and record when the run begins, and that it
// succeeds before the process knows.
func (c *conductor) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	id := request.FormValue("id")
	n, _ := strconv.Atoi(request.FormValue("n"))
	decide := c.begin(id)
	defer c.end(id)
	c.env.record.ran(n)
	order := decide(request.Context(), n)
	if request.Context().Err() != nil {
		return
	}
	if order == toSucceed {
		c.env.server.Ledger().Note(sqstest.Succeeded, id)
	}
	_, _ = w.Write([]byte(order))
}

func (c *conductor) begin(id string) (decide func(ctx context.Context, n int) command) {
	c.env.record.begin(id)
	c.env.server.Ledger().Note(sqstest.Started, id)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begun[id] = true
	c.running++
	return c.decide
}

// redecide changes what runs that begin later are told.
func (c *conductor) redecide(decide func(ctx context.Context, n int) command) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.decide = decide
}

// end counts no retry: what a process could not finish is a duplicate when it runs again.
func (c *conductor) end(id string) {
	c.env.record.end(id, taskhawk.ActionDelete)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running--
}

// now is how many handlers run.
func (c *conductor) now() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running
}

// started is how many tasks have begun since the last take.
func (c *conductor) started() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.begun)
}

// take returns the ids of the tasks that have begun since the last take.
func (c *conductor) take() map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	begun := c.begun
	c.begun = map[string]bool{}
	return begun
}

// succeedAfter waits, and lets the handler succeed unless ctx ends first.
func succeedAfter(ctx context.Context, d time.Duration) command {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return toSucceed
	case <-ctx.Done():
		return toFail
	}
}
