package faults_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// unknownBody is a message of a task that no worker here knows.
func unknownBody(task string) string {
	return fmt.Sprintf(`{"id":%q,"metadata":{"priority":"low","timestamp":1,"version":"1.0"},"headers":{},"task":%q,"args":[],"kwargs":{}}`,
		uuid.NewString(), task)
}

// unknownNames are a name with a typing error, a hostile one and an endless one.
func unknownNames() []string {
	return []string{"tasks.send_emial", "tasks\nlevel=ERROR", strings.Repeat("n", 5000)}
}

// flood puts so many messages of unknown tasks on a queue at once.
func (r *env) flood(priority taskhawk.Priority, messages int) {
	r.Helper()
	names := unknownNames()
	in := &sqs.SendMessageBatchInput{QueueUrl: aws.String(r.server.Queue(queueName(priority)).URL)}
	for n := range messages {
		in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{
			Id: aws.String(strconv.Itoa(n % 10)), MessageBody: aws.String(unknownBody(names[n%len(names)])),
		})
		if n%10 == 9 {
			_, err := r.client.SendMessageBatch(r.Context(), in)
			require.NoError(r, err)
			in.Entries = nil
		}
	}
}

// trickle dispatches good tasks, ten a second, and returns how long 99 in 100 of them
// took to start at most.
func (r *env) trickle(first, count int, disturb func()) time.Duration {
	r.Helper()
	sent := map[int]time.Time{}
	for n := first; n < first+count; n++ {
		disturb()
		sent[n] = time.Now()
		r.dispatch(n)
		time.Sleep(100*time.Millisecond - time.Since(sent[n]))
	}
	var waits []time.Duration
	for n, at := range sent {
		r.await(time.Minute, "the good tasks run", func() bool { return r.record.runs(n) == 1 })
		waits = append(waits, r.record.runTimes(n)[0].Sub(at))
	}
	slices.Sort(waits)
	return waits[(len(waits)*99+99)/100-1]
}

// Good tasks take 50 ms and come ten a second, SQS answers in 5 ms. Then come messages
// that no worker here can run: ten thousand a second on another queue of the same worker, or
// ten for each good task on its own queue.
func TestT43UnknownTaskFlood(t *testing.T) {
	t.Parallel()
	for name, flood := range map[string]struct {
		priority taskhawk.Priority
		messages int
	}{
		"10,000 a second on another queue": {taskhawk.Low, 1000},
		"100 a second on the same queue":   {taskhawk.Default, 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			good := sized(4, 60)
			inBubble(t, setup{What: "a flood of unknown tasks beside good ones", Handle: long(50 * time.Millisecond)}, func(r *env) {
				for _, operation := range transportOperations() {
					r.server.Inject(sqstest.Fault{On: operation, Do: sqstest.Delay(5 * time.Millisecond)})
				}
				w := r.start(sqsx.WorkerConfig{})
				clean := r.trickle(0, good, func() {})
				flooded := r.trickle(good, good, func() { r.flood(flood.priority, flood.messages) })
				r.notef("99 in 100 good tasks start within %s, in the flood within %s", clean, flooded)
				require.LessOrEqual(r, flooded, 2*clean)
				w.stop()
				requireUnknownLines(r)
				require.Equal(r, flood.messages*good, r.left(), "none is deleted")
				// What waits for its retry is in flight to SQS.
				r.Check(want{Left: flood.messages * good, Stranded: flood.messages * good})
			})
		})
	}
}

// requireUnknownLines wants a line a second for each unknown name, at most, and short
// names without line breaks.
func requireUnknownLines(r *env) {
	r.Helper()
	last := map[string]time.Time{}
	for _, line := range r.sink.lines("task failed; will be retried") {
		task := line.Attrs["task"]
		require.GreaterOrEqual(r, line.Time.Sub(last[task]), time.Second, task)
		require.LessOrEqual(r, len(task), 72)
		last[task] = line.Time
	}
	require.Len(r, last, len(unknownNames()))
}

// connections counts the TCP connections of a client.
type connections struct {
	transport http.Transport
	open      atomic.Int64
	most      atomic.Int64
}

func newConnections() *connections {
	c := &connections{}
	c.transport = http.Transport{DialContext: c.dial, MaxIdleConnsPerHost: 10, IdleConnTimeout: 90 * time.Second} // as the SDK's own
	return c
}

func (c *connections) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	open := c.open.Add(1)
	for most := c.most.Load(); open > most && !c.most.CompareAndSwap(most, open); most = c.most.Load() {
	}
	return &countedConn{Conn: conn, count: c}, nil
}

// use makes an SDK client use the counted connections.
func (c *connections) use(o *sqs.Options) { o.HTTPClient = &http.Client{Transport: &c.transport} }

// countedConn takes itself off the count when it is closed.
type countedConn struct {
	net.Conn

	count *connections
	once  sync.Once
}

// Close closes the connection.
func (c *countedConn) Close() error {
	c.once.Do(func() { c.count.open.Add(-1) })
	return c.Conn.Close()
}

// descriptors is how many files this process has open, sockets included; 0 where the
// system does not tell.
func descriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}

func TestT46TenThousandPublishersAndTasksInFlight(t *testing.T) {
	t.Parallel()
	crowd := sized(1_000, 10_000)
	conns := newConnections()
	arrived, all := atomic.Int64{}, make(chan struct{})
	r := newEnv(t, setup{
		What: "thousands publish through one client and are in flight at once", Loopback: true, Client: conns.use,
		Handle: func(context.Context, int) error {
			if arrived.Add(1) == int64(crowd) {
				close(all)
			}
			<-all
			return nil
		},
	})
	t.Cleanup(conns.transport.CloseIdleConnections)
	start, before := time.Now(), descriptors()
	var publishers sync.WaitGroup
	for n := range crowd {
		publishers.Go(func() {
			if _, err := r.tryDispatch(n); err != nil {
				r.Errorf("dispatch %d: %v", n, err)
			}
		})
	}
	publishers.Wait()
	require.Equal(r, crowd, r.left())
	require.LessOrEqual(r, r.publisher.Stats().Sends.Calls, int64(crowd/5), "they share requests")
	published := time.Since(start)

	w := r.start(sqsx.WorkerConfig{
		Priorities: []taskhawk.Priority{taskhawk.Default}, Concurrency: crowd, WaitTime: time.Second, VisibilityTimeout: 5 * time.Minute,
	})
	r.drain(3 * time.Minute)
	opened := descriptors() - before
	w.stop()
	r.notef("%d published in %s, in flight and done after %s, %d connections", crowd, published, time.Since(start), conns.most.Load())
	require.LessOrEqual(r, conns.most.Load(), int64(2048), "the limit of the SDK's own HTTP client")
	require.LessOrEqual(r, opened, 1024, "files opened, on both sides of the connections")
	require.Equal(r, crowd, r.record.total())
	r.Check(want{})
}

// Every tenth task always fails, and is received three times.
func TestT50PoisonAndHealthy(t *testing.T) {
	t.Parallel()
	const tasks, poison, tries = 200, 20, 3
	handle := func(_ context.Context, n int) error {
		time.Sleep(100 * time.Millisecond)
		if n%(tasks/poison) == 0 {
			return errFault
		}
		return nil
	}
	s := setup{What: "poison among healthy tasks", Handle: handle, Provision: sqsx.ProvisionConfig{MaxReceiveCount: tries}}
	inBubble(t, s, func(r *env) {
		r.fill(tasks)
		w := r.start(sqsx.WorkerConfig{})
		time.Sleep(3 * time.Second)
		require.Equal(r, poison, r.left(), "the healthy are done, none is held up")
		r.drain(10 * time.Minute)
		w.stop()
		letters := r.letters(taskhawk.Default)
		require.Len(r, letters, poison)
		for _, letter := range letters {
			require.Equal(r, tries, letter.Receives)
		}
		for n := 0; n < tasks; n += tasks / poison {
			times := r.record.runTimes(n)
			require.Len(r, times, tries)
			for try, least := range []time.Duration{2500 * time.Millisecond, 5 * time.Second} { // half of 5 s and 10 s at least
				require.GreaterOrEqual(r, times[try+1].Sub(times[try]), least)
			}
		}
		r.Check(want{Dead: poison})
	})
}

// The low queue is full for a minute, and one urgent task comes every 700 ms. A task
// takes a second.
func TestT51UrgentBesideABusyQueue(t *testing.T) {
	t.Parallel()
	for _, strict := range []bool{false, true} {
		t.Run(map[bool]string{false: "by weight", true: "strictly"}[strict], func(t *testing.T) {
			t.Parallel()
			const takes, urgent, concurrency = time.Second, 80, 10
			inBubble(t, setup{What: "a full low queue, and urgent tasks now and then", Handle: long(takes)}, func(r *env) {
				for range 3 {
					r.fill(200, taskhawk.WithPriority(taskhawk.Low))
					r.fill(10, taskhawk.WithPriority(taskhawk.Bulk))
				}
				w := r.start(sqsx.WorkerConfig{Concurrency: concurrency, StrictPriority: strict})
				// The slots work in step: all are free at each full second. None of the urgent
				// tasks comes in that moment, which it might miss. The first comes shortly before:
				// until one has run, only one urgent message waits in line, and the next is
				// received too late for the same second.
				time.Sleep(4950 * time.Millisecond)
				var sent []time.Time
				for n := range urgent {
					sent = append(sent, time.Now())
					r.dispatch(1000+n, taskhawk.WithPriority(taskhawk.High))
					time.Sleep(700 * time.Millisecond)
				}
				passed := r.record.total()
				require.GreaterOrEqual(r, passed, int(61/takes.Seconds())*concurrency-concurrency, "the low queue goes on in all other slots")
				time.Sleep(10 * time.Second)
				var waits []time.Duration
				for n, at := range sent {
					require.Equal(r, 1, r.record.runs(1000+n))
					waits = append(waits, r.record.runTimes(1000 + n)[0].Sub(at))
				}
				require.LessOrEqual(r, slices.Max(waits), takes, "an urgent task waits for one slot at most")
				r.drain(5 * time.Minute)
				w.stop()
				r.Check(want{})
			})
		})
	}
}

// Urgent tasks without end: by weight, the others are served all the same.
func TestT51LowIsNotStarved(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "a flood of urgent tasks, and all others", Handle: long(time.Second)}, func(r *env) {
		for _, priority := range []taskhawk.Priority{taskhawk.Default, taskhawk.Low, taskhawk.Bulk} {
			r.fill(5, taskhawk.WithPriority(priority))
		}
		w := r.start(sqsx.WorkerConfig{Concurrency: 4})
		for range 30 { // ten a second, where four can run
			r.fill(10, taskhawk.WithPriority(taskhawk.High))
			time.Sleep(time.Second)
		}
		for _, priority := range []taskhawk.Priority{taskhawk.Default, taskhawk.Low, taskhawk.Bulk} {
			require.Empty(r, r.server.Queue(queueName(priority)).Messages, "%s tasks waited behind urgent ones", priority)
		}
		require.NotEmpty(r, r.server.Queue(queueName(taskhawk.High)).Messages)
		r.drain(10 * time.Minute)
		w.stop()
		r.Check(want{})
	})
}
