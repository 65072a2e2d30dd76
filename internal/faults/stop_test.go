package faults_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// arrival is a task that arrives around the moment of a stop.
type arrival struct {
	after    time.Duration // from a tenth of a second before the stop
	priority taskhawk.Priority
}

// stopPlan is one interleaving of a stop, arrivals and the latency of the service.
type stopPlan struct {
	arrivals    []arrival // in order
	config      sqsx.WorkerConfig
	takes       time.Duration
	before, lag time.Duration // of receives, before and after they are applied
	release     time.Duration // of changes of visibility
}

// early is how long before the stop the first task may arrive.
const early = 100 * time.Millisecond

func drawStop(t *rapid.T) stopPlan {
	millis := func(name string, most int) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(t, name)) * time.Millisecond
	}
	plan := stopPlan{
		takes: millis("takes", 2000), before: millis("before", 100), lag: millis("lag", 100), release: millis("release", 100),
		config: sqsx.WorkerConfig{
			Concurrency: rapid.IntRange(1, 6).Draw(t, "concurrency"),
			WaitTime:    time.Duration(rapid.IntRange(1, 20).Draw(t, "wait")) * time.Second,
		},
	}
	for range rapid.IntRange(0, 12).Draw(t, "tasks") {
		plan.arrivals = append(plan.arrivals, arrival{
			after: millis("arrives", 250), priority: rapid.SampledFrom(taskhawk.Priorities()).Draw(t, "priority"),
		})
	}
	slices.SortStableFunc(plan.arrivals, func(a, b arrival) int { return int(a.after - b.after) })
	return plan
}

// Tasks arrive in the very moment of a stop, while polls are on their way there or back:
// those that run finish, those that were fetched and not started are given back, and the
// stop takes no longer than a poll and a handler.
func TestT21StopWhileMessagesArrive(t *testing.T) {
	t.Parallel()
	released := int64(0)
	checkInBubbles(t, func(draw *rapid.T, b tb) {
		plan := drawStop(draw)
		r := newEnv(b, setup{What: "a stop in the moment in which messages arrive", Handle: takes(plan.takes)})
		released += stopAndArrive(r, plan)
	})
	require.Positive(t, released, "no case gave anything back")
}

// stopAndArrive returns how many messages the stop gave back.
func stopAndArrive(r *env, plan stopPlan) int64 {
	r.Helper()
	r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Do: sqstest.Delay(plan.before)})
	r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, After: true, Do: sqstest.Delay(plan.lag)})
	r.server.Inject(sqstest.Fault{On: sqstest.OpChangeMessageVisibilityBatch, Do: sqstest.Delay(plan.release)})
	w := r.start(plan.config)
	time.Sleep(time.Second)
	start := time.Now()
	arrived := make(chan struct{})
	go func() {
		defer close(arrived)
		for n, a := range plan.arrivals {
			time.Sleep(time.Until(start.Add(a.after)))
			_, _ = r.tryDispatch(n, taskhawk.WithPriority(a.priority))
		}
	}()
	time.Sleep(early)
	stopped := time.Now()
	took := w.stop()
	require.LessOrEqual(r, took, plan.config.WaitTime+plan.takes+plan.before+plan.lag+2*plan.release+time.Millisecond)
	for _, priority := range taskhawk.Priorities() {
		require.Zero(r, r.server.Queue(queueName(priority)).InFlight, "in flight on %s", queueName(priority))
	}
	requireReleased(r, stopped, plan.lag+2*plan.release)
	<-arrived
	r.runAll()
	require.Equal(r, len(plan.arrivals), r.record.total())
	r.Check(want{})
	return w.Stats().Released
}

// requireReleased checks that what was fetched and not started is visible again a second
// after the stop, or after it was fetched, latency apart.
func requireReleased(r *env, stopped time.Time, latency time.Duration) {
	r.Helper()
	fetched := map[string]time.Time{}
	for _, e := range r.server.Ledger().Events() {
		switch e.Kind {
		case sqstest.Received:
			fetched[e.Key] = e.Time
		case sqstest.Started:
			delete(fetched, e.Key)
		case sqstest.Returned:
			since := fetched[e.Key]
			if since.Before(stopped) {
				since = stopped
			}
			require.LessOrEqual(r, e.Time.Sub(since), time.Second+latency)
			delete(fetched, e.Key)
		default:
		}
	}
	require.Empty(r, fetched, "fetched, not started and not given back")
}

// requireAllDeleted checks that what succeeded is deleted, now.
func (r *env) requireAllDeleted() {
	r.Helper()
	require.Equal(r, r.server.Ledger().Count(sqstest.Succeeded), r.server.Ledger().Count(sqstest.Deleted))
	require.Equal(r, 7, r.server.Ledger().Count(sqstest.Succeeded))
}

// Seven tasks, too few for a full batch, end within a tenth of a second of the stop,
// while deletes are slow or fail at first: when the stop returns, all are deleted.
func TestT22StopWithDeletesUnderWay(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sqstest.Effect{
		"quick":       sqstest.Delay(0),
		"slow":        sqstest.Delay(500 * time.Millisecond),
		"unavailable": sqstest.Status(http.StatusServiceUnavailable, ""),
		"reset":       sqstest.Reset(),
	} {
		for _, offset := range []time.Duration{-100 * time.Millisecond, 0, time.Millisecond, 100 * time.Millisecond} {
			t.Run(name+" "+strconv.Itoa(int(offset.Milliseconds())), func(t *testing.T) {
				t.Parallel()
				inBubble(t, setup{What: "a stop while deletes are under way", Handle: takes(time.Second)}, func(r *env) {
					r.fill(7)
					r.server.Inject(sqstest.Fault{On: sqstest.OpDeleteMessageBatch, Times: 2, Do: effect})
					w := r.start(sqsx.WorkerConfig{})
					time.Sleep(time.Second + offset)
					w.stop()
					r.requireAllDeleted()
					r.Check(want{})
				})
			})
		}
	}
}

// The grace period ends while deletes are under way: the stop returns in time and says
// so, and the deletes are not cut off.
func TestT22GraceEndsWhileDeletesAreUnderWay(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "a grace period that ends while deletes are under way", Handle: takes(time.Second)}, func(r *env) {
		r.fill(7)
		r.server.Inject(sqstest.Fault{On: sqstest.OpDeleteMessageBatch, Do: sqstest.Delay(5 * time.Second)})
		w := r.start(sqsx.WorkerConfig{GracePeriod: time.Second, AbortPolls: true})
		time.Sleep(2 * time.Second)
		start := time.Now()
		w.cancel()
		var late *taskhawk.StopError
		require.ErrorAs(r, w.wait(), &late)
		require.LessOrEqual(r, time.Since(start), 2*time.Second)
		require.Equal(r, 7, late.Settling)
		require.Empty(r, late.Tasks)
		time.Sleep(10 * time.Second)
		r.requireAllDeleted()
		r.Check(want{})
	})
}

// grown is how many handlers a worker process runs at once in these tests.
const grown = 10

// signalled is an env with a worker process that runs as many handlers as it may.
func signalled(t *testing.T, what string, child childConfig, decide func(ctx context.Context, n int) command) (*env, *conductor, *process) {
	t.Helper()
	r := newEnv(t, setup{What: what, Loopback: true})
	c := r.conduct(decide)
	r.fill(grown)
	child.Concurrency, child.Prefetch, child.Visibility = grown, grown, 30*time.Second
	p := r.spawn(c, child)
	r.await(time.Minute, "handlers run", func() bool { return c.started() == grown })
	return r, c, p
}

// finish runs what is left in another process, and judges the run.
func (r *env) finish(c *conductor, expected want) {
	r.Helper()
	c.redecide(func(context.Context, int) command { return toSucceed })
	p := r.spawn(c, childConfig{Concurrency: grown, Prefetch: grown, Grace: time.Second, Visibility: 30 * time.Second})
	r.drain(time.Minute)
	code, _ := p.terminate(time.Minute)
	require.Zero(r, code, p.output)
	r.Check(expected)
}

// notLate runs a test of a stop whose time is measured. A machine that is busy with other
// things may make a process late, so one run in time of five counts.
func notLate(t *testing.T, run func() (late string)) {
	t.Helper()
	late := run()
	for try := 1; late != "" && try < 5; try++ {
		late = run()
	}
	require.Empty(t, late)
}

// stop terminates the process, which must end with code within limit. Else late has what
// happened.
func (p *process) stop(code int, limit time.Duration) (took time.Duration, late string) {
	p.env.Helper()
	got, took := p.terminate(time.Minute)
	if got != code || took > limit+p.late {
		late = fmt.Sprintf("code %d after %s, not %d within %s:\n%s", got, took, code, limit, p.output)
	}
	return took, late
}

func TestT23SIGTERMInTheMiddleOfHandlers(t *testing.T) {
	t.Parallel()
	const grace, quick = 2 * time.Second, 5
	notLate(t, func() string {
		stopping := make(chan struct{})
		r, c, p := signalled(t, "SIGTERM while 10 handlers run, 5 of which end in time", childConfig{Grace: grace},
			func(ctx context.Context, n int) command {
				<-stopping
				if n < quick {
					return succeedAfter(ctx, grace/4)
				}
				<-ctx.Done()
				return toFail
			})
		close(stopping)
		took, late := p.stop(0, grace+time.Second)
		if late != "" {
			return late
		}
		if p.late > grace/4 {
			return fmt.Sprintf("timers late by %s: handlers may not have ended in time", p.late)
		}
		require.GreaterOrEqual(r, took, grace, "handlers have the grace period")

		queue := r.server.Queue(queueName(0))
		require.Equal(r, grown-quick, queue.Visible, "released: others can have them at once")
		require.Zero(r, queue.InFlight)
		require.Equal(r, quick, r.server.Ledger().Audit().Deleted)
		r.finish(c, want{Duplicates: grown - quick})
		require.Equal(r, grown+grown-quick, r.record.total())
		return ""
	})
}

func TestT24SecondSIGTERM(t *testing.T) {
	t.Parallel()
	notLate(t, func() string {
		r, c, p := signalled(t, "a second SIGTERM ends the grace period", childConfig{Grace: time.Hour},
			func(ctx context.Context, _ int) command {
				<-ctx.Done()
				return toFail
			})
		p.signal(syscall.SIGTERM)
		// Two signals before the process has seen the first are one.
		r.await(time.Minute, "the stop begins", func() bool { return strings.Contains(p.output.String(), "worker stopping") })
		require.True(r, p.outlives(500*time.Millisecond), "the grace period goes on")
		require.Equal(r, grown, c.now(), "and no handler is cancelled")
		if _, late := p.stop(0, time.Second); late != "" {
			return late
		}
		r.awaitReleased()
		r.finish(c, want{Duplicates: grown})
		return ""
	})
}

// awaitReleased waits until nothing is in flight any more, which takes a second after a
// stop that cut a poll off, and far less than the visibility timeout.
func (r *env) awaitReleased() {
	r.Helper()
	r.await(10*time.Second, "all is released", func() bool { return r.server.Queue(queueName(taskhawk.Default)).InFlight == 0 })
}

func TestT24HungHandlersAreNamed(t *testing.T) {
	t.Parallel()
	const grace = time.Second
	notLate(t, func() string {
		r, c, p := signalled(t, "SIGTERM while a handler hangs", childConfig{Grace: grace},
			func(ctx context.Context, n int) command {
				if n == 0 {
					return toHang
				}
				<-ctx.Done()
				return toFail
			})
		if _, late := p.stop(1, grace+time.Second); late != "" { // 1 is for an unclean stop
			return late
		}
		require.Contains(r, p.output.String(), "1 handlers still running [tests.job]")
		r.awaitReleased()
		r.finish(c, want{Duplicates: grown})
		return ""
	})
}

func TestT24Misuse(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "Run twice, Abort twice, stop before start"}, func(r *env) {
		r.fill(10)
		w := r.start(sqsx.WorkerConfig{})
		r.drain(time.Minute)
		for range 3 {
			require.ErrorIs(r, w.Run(r.Context()), taskhawk.ErrWorkerStarted)
		}
		w.cancel()
		for range 3 {
			go w.Abort()
		}
		require.NoError(r, w.wait())
		w.Abort()
		require.ErrorIs(r, w.Run(r.Context()), taskhawk.ErrWorkerStarted, "a stopped one does not start again")

		r.fill(10)
		early, err := sqsx.NewWorker(r.client, app, r.hub, sqsx.WorkerConfig{})
		require.NoError(r, err)
		early.Abort()
		stopped, cancel := context.WithCancel(r.Context())
		cancel()
		start := time.Now()
		require.NoError(r, early.Run(stopped))
		require.Zero(r, time.Since(start))
		require.ErrorIs(r, early.Run(r.Context()), taskhawk.ErrWorkerStarted)
		r.Check(want{Left: 10})
	})
}

// pollCounter is a client that counts the long polls of one worker that run at once.
// Receives beside them wait a second at most.
type pollCounter struct {
	sqsx.API

	mu      sync.Mutex
	polling map[string]int // by queue URL
	excess  int
}

// ReceiveMessage is one poll.
func (c *pollCounter) ReceiveMessage(
	ctx context.Context, in *sqs.ReceiveMessageInput, options ...func(*sqs.Options),
) (*sqs.ReceiveMessageOutput, error) {
	if in.WaitTimeSeconds > 1 {
		c.count(*in.QueueUrl, 1)
		defer c.count(*in.QueueUrl, -1)
	}
	return c.API.ReceiveMessage(ctx, in, options...)
}

func (c *pollCounter) count(queue string, change int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.polling == nil {
		c.polling = map[string]int{}
	}
	if c.polling[queue] += change; c.polling[queue] > 1 {
		c.excess++
	}
}

// over is how often there was more than one long poll of a queue, and how many run now.
func (c *pollCounter) over() (excess, now int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.polling {
		now += n
	}
	return c.excess, now
}

func TestT25StartStopStart(t *testing.T) {
	t.Parallel()
	const starters, rounds = 10, 50
	s := setup{
		What: "start, stop, start: 10 times 50", Handle: mixedWork(time.Second, 40*time.Second, time.Second),
		// Each stop that gives a message back has received it once.
		Provision: sqsx.ProvisionConfig{MaxReceiveCount: 1000},
	}
	inBubble(t, s, func(r *env) {
		config := sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.High, taskhawk.Default}}
		for _, priority := range config.Priorities {
			r.fill(50, taskhawk.WithPriority(priority))
		}
		var wg sync.WaitGroup
		for starter := range starters {
			wg.Go(func() {
				for round := range rounds {
					config := config
					config.AbortPolls = round%2 == 0
					startStop(r, config, time.Duration(starter*round)*37*time.Millisecond)
				}
			})
		}
		wg.Wait()
		last := r.start(config)
		r.drain(time.Hour)
		last.stop()
		r.Check(want{})
	})
}

// Each stop costs the messages that wait a receive. The queue allows two, and none becomes
// a dead letter without a run.
func TestT76DeploysWhileMessagesWait(t *testing.T) {
	t.Parallel()
	for _, abort := range []bool{false, true} {
		t.Run(fmt.Sprint("AbortPolls ", abort), func(t *testing.T) {
			t.Parallel()
			tasks, deploys := sized(400, 4000), sized(30, 300)
			s := setup{
				What: "deploys while messages wait", Handle: takes(300 * time.Millisecond),
				Provision: sqsx.ProvisionConfig{MaxReceiveCount: 2},
			}
			inBubble(t, s, func(r *env) {
				r.fill(tasks)
				config := defaultOnly(4)
				config.AbortPolls = abort
				for deploy := range deploys {
					w := r.start(config)
					time.Sleep(time.Duration(deploy*37%900) * time.Millisecond)
					w.stop()
				}
				last := r.start(config)
				r.drain(time.Hour)
				last.stop()
				r.Check(want{})
			})
		})
	}
}

// startStop runs a worker for a while; Run is called twice, and runs it once.
func startStop(r *env, config sqsx.WorkerConfig, lifetime time.Duration) {
	polls := &pollCounter{API: r.client}
	w := r.startWith(polls, config)
	time.Sleep(lifetime + time.Nanosecond)
	if !errors.Is(w.Run(r.Context()), taskhawk.ErrWorkerStarted) {
		r.Errorf("a second Run runs")
	}
	w.stop()
	if excess, left := polls.over(); excess > 0 || left > 0 {
		r.Errorf("%d times two long polls of a queue at once, and %d still run", excess, left)
	}
}
