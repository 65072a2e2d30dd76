package faults_test

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// transportOperations are those that publisher and worker live on.
func transportOperations() []string {
	return []string{
		sqstest.OpSendMessageBatch, sqstest.OpReceiveMessage, sqstest.OpDeleteMessageBatch, sqstest.OpChangeMessageVisibilityBatch,
	}
}

// sides names both sides of a request: before it is applied, and after.
func sides() map[string]bool { return map[string]bool{"before": false, "after": true} }

// mixedWork makes every tenth task fail at first and every seventh outlast its visibility
// timeout; the others take a moment.
func mixedWork(moment, long, retry time.Duration) func(context.Context, int) error {
	return func(ctx context.Context, n int) error {
		metadata := taskhawk.MetadataFrom(ctx)
		if n%10 == 0 && metadata.Attempt == 1 {
			return taskhawk.RetryAfter(retry, errFault)
		}
		takes := moment
		if n%7 == 0 {
			takes = long
		}
		timer := time.NewTimer(takes)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// resets breaks every third connection of an operation, and judges the run: each task ran
// once, or as often as it was stored.
func resets(r *env, operation string, after bool, config sqsx.WorkerConfig, tasks int, limit time.Duration) {
	r.Helper()
	fault := r.server.Inject(sqstest.Fault{On: operation, If: every(3), After: after, Do: sqstest.Reset()})
	w := r.start(config)
	ids := make([]string, 0, tasks)
	for n := range tasks {
		ids = append(ids, r.dispatch(n, taskhawk.WithPriority(taskhawk.Priorities()[n%4])))
	}
	r.await(limit, "every task has run", func() bool { return r.record.distinct() == tasks })
	r.drain(limit)
	w.stop()
	require.Positive(r, fault.Fired())

	copies := 0
	for _, id := range ids {
		stored := r.server.Ledger().Keys(sqstest.Accepted)[id]
		require.LessOrEqual(r, stored, 3, "copies of a task: one an attempt")
		copies += stored - 1
	}
	lost := operation == sqstest.OpSendMessageBatch && after
	require.Equal(r, lost, copies > 0, "copies come from lost answers only")
	r.Check(want{
		Duplicates: copies + r.lapses(), Stranded: stranded(operation, after, fault), Refused: r.tooLate(operation, fault),
	})
}

// tooLate is how often a change of visibility may be refused over the loopback, by code:
// on a busy machine it may come when the lease has lapsed, and its second attempt, after a
// fault, when the message is deleted.
func (r *env) tooLate(operation string, fault *sqstest.Injection) map[string]int {
	if r.virtual {
		return nil
	}
	changes := r.lapses()
	if operation == sqstest.OpChangeMessageVisibilityBatch {
		changes += fault.Fired()
	}
	return map[string]int{"InvalidParameterValue": changes, "MessageNotInflight": changes}
}

// patient are queues that bear with many receives whose answers are lost.
func patient() sqsx.ProvisionConfig { return sqsx.ProvisionConfig{MaxReceiveCount: 100} }

// stranded is how many messages the lost answers to receives may leave in flight: ten
// each.
func stranded(operation string, after bool, fault *sqstest.Injection) int {
	if operation == sqstest.OpReceiveMessage && after {
		return 10 * fault.Fired()
	}
	return 0
}

func TestT01ConnectionResets(t *testing.T) {
	t.Parallel()
	for _, operation := range transportOperations() {
		for side, after := range sides() {
			t.Run(operation+" "+side, func(t *testing.T) {
				t.Parallel()
				s := setup{
					What:   "connection reset before or after each operation",
					Handle: mixedWork(100*time.Millisecond, 70*time.Second, 5*time.Second), Provision: patient(),
				}
				inBubble(t, s, func(r *env) {
					resets(r, operation, after, sqsx.WorkerConfig{}, 100, time.Hour)
				})
			})
		}
	}
}

func TestT01ConnectionResetsOverLoopback(t *testing.T) {
	t.Parallel()
	for _, operation := range transportOperations() {
		for side, after := range sides() {
			t.Run(operation+" "+side, func(t *testing.T) {
				t.Parallel()
				r := newEnv(t, setup{
					What:      "TCP reset before or after each operation",
					Handle:    mixedWork(10*time.Millisecond, 4500*time.Millisecond, time.Second),
					Provision: patient(), Loopback: true,
				})
				config := sqsx.WorkerConfig{WaitTime: time.Second, VisibilityTimeout: 6 * time.Second}
				resets(r, operation, after, config, 40, 5*time.Minute)
			})
		}
	}
}

// chance makes a fault act on a share of the requests of publisher and worker, by a seed.
func chance(share float64, seed uint64) func(sqstest.Request) bool {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 0))
	return func(request sqstest.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.Contains(transportOperations(), request.Operation) && random.Float64() < share
	}
}

// latency makes every request take a while, and some take each of the delays more, before
// or after they are applied.
func (r *env) latency(seed uint64, delays ...time.Duration) {
	r.server.Inject(sqstest.Fault{Do: sqstest.Delay(50 * time.Millisecond)})
	for i, delay := range delays {
		for side, after := range []bool{false, true} {
			r.server.Inject(sqstest.Fault{If: chance(0.04, seed+uint64(2*i+side)), After: after, Do: sqstest.Delay(delay)})
		}
	}
}

func TestT02Latency(t *testing.T) {
	t.Parallel()
	for name, delays := range map[string][]time.Duration{
		"up to 9 s":  {200 * time.Millisecond, time.Second, 3 * time.Second, 9 * time.Second},
		"up to 30 s": {200 * time.Millisecond, time.Second, 9 * time.Second, 15 * time.Second, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup{
				What:      "latency of 50 ms to 30 s with jitter",
				Handle:    mixedWork(300*time.Millisecond, 3*time.Minute, 5*time.Second),
				Provision: patient(),
			}
			inBubble(t, s, func(r *env) {
				r.fillAll(50)
				r.latency(uint64(len(delays)), delays...)
				w := r.start(sqsx.WorkerConfig{VisibilityTimeout: 2 * time.Minute})
				r.drain(3 * time.Hour)
				r.server.Heal()
				w.stop()
				require.Equal(r, 50, r.record.distinct())
				// A change whose answer came too late is tried again, when the message
				// may be visible or even deleted.
				r.Check(want{Stranded: 200, Refused: map[string]int{"MessageNotInflight": 20, "InvalidParameterValue": 20}})
			})
		})
	}
}

// A poll is given its wait and ten seconds more: an answer that comes just in time
// counts, one that comes later does not hold the poller up.
func TestT02SlowPolls(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "answers to polls 9 s late, and 11 s late"}, func(r *env) {
		receives := r.watch(sqstest.OpReceiveMessage)
		late := r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, After: true, Do: sqstest.Delay(9 * time.Second)})
		start := time.Now()
		w := r.start(sqsx.WorkerConfig{})
		time.Sleep(19 * time.Second)
		r.dispatch(1)
		r.await(time.Minute, "the task runs", func() bool { return r.record.runs(1) == 1 })
		require.InDelta(r, 28, r.record.runTimes(1)[0].Sub(start).Seconds(), 0.1)
		for _, health := range w.Health() {
			require.Zero(r, health.Failures)
		}
		late.Remove()

		tooLate := r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, After: true, Do: sqstest.Delay(11 * time.Second)})
		time.Sleep(10 * time.Minute)
		for _, health := range w.Health() {
			require.Positive(r, health.Failures)
		}
		// The first poll waits a second, and a message ends the second.
		for _, gap := range receives.gaps(queueName(0))[2:] {
			require.GreaterOrEqual(r, gap, 20*time.Second)
			require.LessOrEqual(r, gap, 61*time.Second, "10 s more than the wait, then at most 30 s of backoff")
		}
		tooLate.Remove()
		w.stop()
		r.Check(want{})
	})
}

// slowness is how an endpoint can fail to answer.
func slowness() map[string]sqstest.Effect {
	return map[string]sqstest.Effect{"silent": sqstest.Silence(), "dripping": sqstest.Drip(200 * time.Millisecond)}
}

// Every operation hangs for five minutes: its calls end by their deadlines, and
// afterwards all goes on.
func TestT03SilentAndDrippingEndpoints(t *testing.T) {
	t.Parallel()
	for name, effect := range slowness() {
		for _, operation := range transportOperations() {
			t.Run(name+" "+operation, func(t *testing.T) {
				t.Parallel()
				s := setup{
					What:      "an endpoint that is silent, or drips a byte every 200 ms",
					Handle:    mixedWork(100*time.Millisecond, 20*time.Second, time.Second),
					Provision: patient(),
				}
				inBubble(t, s, func(r *env) { hangs(r, operation, effect) })
			})
		}
	}
}

func hangs(r *env, operation string, effect sqstest.Effect) {
	r.Helper()
	r.fill(20)
	w := r.start(sqsx.WorkerConfig{VisibilityTimeout: 30 * time.Second})
	fault := r.server.Inject(sqstest.Fault{On: operation, Do: effect})
	calls := r.watch(operation)
	r.dispatchWithin(allTimeout)
	time.Sleep(5 * time.Minute)
	require.Positive(r, fault.Fired())
	if operation == sqstest.OpReceiveMessage {
		require.GreaterOrEqual(r, len(calls.of(queueName(taskhawk.Default))), 4, "the poller goes on")
	}
	fault.Remove()
	limit := 2 * time.Minute
	if operation == sqstest.OpDeleteMessageBatch {
		limit = 70 * time.Minute // what is done and could not be deleted stays hidden, for an hour at most
	}
	r.drain(limit)
	require.LessOrEqual(r, w.stop(), 21*time.Second)
	require.GreaterOrEqual(r, r.record.distinct(), 20)
	copies := 0
	if operation == sqstest.OpSendMessageBatch {
		copies = 2 // the three attempts of one task
	}
	r.Check(want{Duplicates: copies, Stranded: stranded(operation, true, fault)})
}

// allTimeout is how long all attempts of a call take at most.
const allTimeout = 20 * time.Second

// dispatchWithin dispatches a task, which may fail, but not take longer than limit.
func (r *env) dispatchWithin(limit time.Duration) {
	r.Helper()
	start := time.Now()
	_, err := r.tryDispatch(1000)
	require.LessOrEqual(r, time.Since(start), limit)
	if err != nil {
		require.ErrorIs(r, err, taskhawk.ErrOutcomeUnknown)
	}
}

// A stop does not wait for what hangs longer than its grace period.
func TestT03StopWhileSilent(t *testing.T) {
	t.Parallel()
	s := setup{What: "a stop while every call hangs", Handle: mixedWork(10*time.Second, 10*time.Second, time.Second)}
	inBubble(t, s, func(r *env) {
		r.fill(5)
		w := r.start(sqsx.WorkerConfig{GracePeriod: 5 * time.Second})
		time.Sleep(8 * time.Second)
		fault := r.server.Inject(sqstest.Fault{Do: sqstest.Silence()})
		require.LessOrEqual(r, w.stopLate(), 6*time.Second)
		fault.Remove()
		again := r.start(sqsx.WorkerConfig{})
		r.drain(2 * time.Minute)
		again.stop()
		r.Check(want{Duplicates: 5})
	})
}

// Over TCP, a poll that drips or is silent ends after its wait and ten seconds, and the
// poller goes on.
func TestT03SlowPollsOverLoopback(t *testing.T) {
	t.Parallel()
	for name, effect := range slowness() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newEnv(t, setup{What: "a TCP connection that is silent, or drips a byte every 200 ms", Loopback: true})
			r.dispatch(1)
			fault := r.server.Inject(sqstest.Fault{
				On: sqstest.OpReceiveMessage, Queue: queueName(taskhawk.Default), Nth: 1, Do: effect,
			})
			start := time.Now()
			w := r.start(sqsx.WorkerConfig{WaitTime: time.Second, VisibilityTimeout: 2 * time.Second})
			r.drain(time.Minute)
			// How soon exactly is judged in virtual time: a busy machine is late.
			require.GreaterOrEqual(r, time.Since(start), 11*time.Second, "the wait and 10 s")
			require.Equal(r, 1, fault.Fired())
			w.stop()
			require.Equal(r, 1, r.record.runs(1))
			r.Check(want{})
		})
	}
}

// sqsHost is the host name of the endpoint.
const sqsHost = "sqs.us-east-1.test"

// names resolves sqsHost, or not.
type names struct {
	mu      sync.Mutex
	address string
	err     error
}

func (n *names) set(address string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.address, n.err = address, err
}

func (n *names) lookUp() (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.address, n.err
}

// dial connects to the address that the name has now, or fails as a dialer does.
func (n *names) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	address, err := n.lookUp()
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// resolving is an in-process transport that looks the name up before each request.
type resolving struct {
	names *names
	next  http.RoundTripper
}

// RoundTrip fails as a dialer does when there is no address.
func (t resolving) RoundTrip(request *http.Request) (*http.Response, error) {
	if _, err := t.names.lookUp(); err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
	return t.next.RoundTrip(request)
}

func resolverFailures() map[string]error {
	return map[string]error{
		"NXDOMAIN": &net.DNSError{Err: "no such host", Name: sqsHost, IsNotFound: true},
		"SERVFAIL": &net.DNSError{Err: "server misbehaving", Name: sqsHost, IsTemporary: true},
		"timeout":  &net.DNSError{Err: "i/o timeout", Name: sqsHost, IsTimeout: true, IsTemporary: true},
	}
}

// Without an address for ten minutes: polls back off, handlers that run finish, and what
// they have done is not done again.
func TestT10NameResolution(t *testing.T) {
	t.Parallel()
	for name, failure := range resolverFailures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := &names{}
			s := setup{What: "NXDOMAIN, SERVFAIL and no answer of the resolver", Handle: halfMinute}
			s.Client = func(o *sqs.Options) {
				client, _ := o.HTTPClient.(*http.Client)
				o.HTTPClient = &http.Client{Transport: resolving{host, client.Transport}}
			}
			inBubble(t, s, func(r *env) {
				r.fill(5)
				w := r.start(sqsx.WorkerConfig{})
				time.Sleep(time.Second)
				host.set("", failure)
				_, err := r.tryDispatch(500)
				require.Error(r, err)
				require.NotErrorIs(r, err, taskhawk.ErrOutcomeUnknown, "no connection, so nothing was sent")
				time.Sleep(10 * time.Minute)
				require.Equal(r, 5, r.record.total())
				for _, health := range w.Health() {
					require.LessOrEqual(r, health.Failures, 40, "backoff")
					require.GreaterOrEqual(r, health.Failures, 15)
				}
				host.set("", nil)
				r.drain(maxRecovery)
				w.stop()
				r.Check(want{})
			})
		})
	}
}

// The endpoint moves to another address while its name cannot be resolved for a moment.
func TestT10AddressChangeOverLoopback(t *testing.T) {
	t.Parallel()
	host := &names{}
	s := setup{What: "an endpoint that moves to another address", Loopback: true, Handle: func(context.Context, int) error {
		return nil
	}}
	transport := &http.Transport{DialContext: host.dial}
	t.Cleanup(transport.CloseIdleConnections)
	s.Client = func(o *sqs.Options) {
		if address, err := host.lookUp(); err == nil && address == "" {
			host.set(hostOf(aws.ToString(o.BaseEndpoint)), nil)
		}
		o.BaseEndpoint = aws.String("http://" + sqsHost)
		o.HTTPClient = &http.Client{Transport: transport}
	}
	r := newEnv(t, s)
	moved := httptest.NewServer(r.server)
	t.Cleanup(moved.Close)
	r.fill(10)
	w := r.start(sqsx.WorkerConfig{WaitTime: time.Second})
	r.drain(time.Minute)

	host.set("", resolverFailures()["NXDOMAIN"])
	transport.CloseIdleConnections()
	r.await(time.Minute, "every poll has failed", func() bool {
		failing := 0
		for _, health := range w.Health() {
			failing += min(health.Failures, 1)
		}
		transport.CloseIdleConnections()
		return failing == 4
	})
	host.set(hostOf(moved.URL), nil)
	r.fill(10)
	r.drain(time.Minute)
	w.stop()
	require.Equal(r, 20, r.record.total())
	r.Check(want{})
}

// hostOf is the host and port of a URL.
func hostOf(url string) string { return url[len("http://"):] }
