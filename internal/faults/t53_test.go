package faults_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// stage is how many tasks of the soak are judged together.
const stage = 250

// The soak: stage after stage of tasks of every temper, random faults, one worker that lives through it all and others that come and
// go. Between stages all is healed, judged and forgotten by the rig, so that what the process still holds is the library's. It is
// not parallel to other tests, whose memory would count.
//
//nolint:paralleltest // see above
func TestT53Soak(t *testing.T) {
	stages := sized(1_000, 200_000) / stage
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	c := func(n int, _ string) int { return random.IntN(n) }
	inBubble(t, setup{What: "soak: random faults, workers come and go", Handle: behave}, func(r *rig) {
		start := time.Now()
		survivor := r.start(sqsx.WorkerConfig{Concurrency: 20})
		var points []usage
		for n := 1; n <= stages; n++ {
			r.soak(c)
			r.judge()
			r.forget()
			if n*4%stages < 4 {
				points = append(points, measure())
			}
		}
		survivor.stop()
		r.notef("%d tasks in %s of virtual time, seed %d; at the quarters: %+v", stages*stage, time.Since(start), seed, points)
		first, last := points[0], points[len(points)-1]
		require.LessOrEqual(r, last.heap, first.heap+1<<20, "bytes of heap")
		require.LessOrEqual(r, last.goroutines, first.goroutines+2)
		require.GreaterOrEqual(r, time.Since(start), time.Hour)
		r.Check(want{Stranded: stage, Refused: refusals(stage)})
	})
}

// soak is one stage, of some minutes.
func (r *rig) soak(c chooser) {
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
func (r *rig) passing(config sqsx.WorkerConfig) *worker {
	r.Helper()
	loop, err := sqsx.NewWorker(r.client, app, r.hub, config)
	require.NoError(r, err)
	ctx, cancel := context.WithCancel(r.Context())
	w := &worker{Worker: loop, rig: r, config: config, cancel: cancel, done: make(chan error, 1)}
	r.crew.join(w)
	go func() {
		err := loop.Run(ctx)
		r.crew.leave(w)
		w.done <- err
	}()
	return w
}

// judge is Check while a worker goes on.
func (r *rig) judge() {
	r.Helper()
	audit := r.server.Ledger().Audit()
	lost := append(r.broken(), audit.Lost...)
	r.report(figures{
		Tasks: audit.Accepted, Runs: audit.Started, Lost: len(lost),
		Explained: r.book.duplicates(), Unexplained: len(audit.Unexplained),
	})
	require.True(r, audit.Complete)
	require.Empty(r, lost)
	require.Empty(r, r.premature(audit))
	require.Empty(r, audit.Unexplained)
	require.Zero(r, audit.Left)
	require.Empty(r, r.sink.leaks())
	r.checkRefused(refusals(stage))
}

// forget empties ledger, book, sink and dead-letter queues.
func (r *rig) forget() {
	r.Helper()
	time.Sleep(time.Minute) // a queue can be purged once in that time, and handlers left behind end
	for _, priority := range taskhawk.Priorities() {
		_, err := r.client.PurgeQueue(r.Context(), &sqs.PurgeQueueInput{QueueUrl: aws.String(r.server.Queue(lettersName(priority)).URL)})
		require.NoError(r, err)
	}
	r.server.Ledger().Reset()
	r.server.ResetCounts()
	r.book.forget()
	r.sink.forget()
}

func (b *book) forget() {
	fresh := newBook()
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
