package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

const (
	app   = "dev-day"
	queue = "TASKHAWK-DEV-DAY"
)

// sleepArgs are the arguments of a task that waits for a network.
type sleepArgs struct{ Dispatched int64 }

// A fleet runs a scenario on virtual time: tasks are dispatched as the load says, real
// workers run them, and a scaler starts and stops workers.
type fleet struct {
	*testing.T

	scenario scenario
	begin    time.Time
	server   *sqstest.Server
	client   *sqs.Client
	url      *string
	hub      *taskhawk.Hub

	wait     sync.WaitGroup
	stops    []context.CancelFunc // of workers that work
	starting []int                // seconds at which new workers work
	looks    int                  // requests of look, which are no worker's

	mu     sync.Mutex
	result result
	late   []bool // seconds in which a task waits above 60 s
}

// runWorkers is what run is, with workers in place of the model.
func runWorkers(t *testing.T, p policy, s scenario) (r result) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{T: t, scenario: s, begin: time.Now(), server: sqstest.NewUnstartedServer(), late: make([]bool, s.seconds)}
		defer f.server.Close()
		f.server.LimitLedger(0)
		f.client = f.server.Client()
		require.NoError(t, sqsx.Provision(t.Context(), f.client, app, sqsx.ProvisionConfig{}))
		url, err := f.client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: new(queue)})
		require.NoError(t, err)
		f.url = url.QueueUrl
		f.server.Inject(sqstest.Fault{Do: sqstest.Delay(seconds(latency))})
		f.server.ResetCounts()
		f.result.policy = p.name
		task := f.task()
		for range p.scaler(s).want(0, backlog{running: 1}) {
			f.start()
		}
		f.wait.Go(func() { f.dispatch(task) })
		f.scale(p)
		for _, stop := range f.stops {
			stop()
		}
		f.wait.Wait()
		r = f.sum()
	})
	return r
}

// task is one that sleeps, and notes how long it waited.
func (f *fleet) task() *taskhawk.Task[sleepArgs] {
	task := taskhawk.New("tests.sleep", func(_ context.Context, args sleepArgs) error {
		f.ran(time.Unix(0, args.Dispatched))
		time.Sleep(seconds(f.scenario.taskTime * (0.5 + share(args.Dispatched))))
		return nil
	})
	publisher, err := sqsx.NewPublisher(f.client, app, sqsx.PublisherConfig{})
	require.NoError(f, err)
	f.hub, err = taskhawk.NewHub(taskhawk.Config{
		Publisher: publisher, Tasks: []taskhawk.AnyTask{task}, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(f, err)
	return task
}

// share is a number from 0 to 1 that follows from a time.
func share(dispatched int64) float64 {
	return rand.New(rand.NewPCG(1, uint64(dispatched))).Float64()
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

func (f *fleet) ran(dispatched time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	wait := time.Since(dispatched)
	f.result.tasks++
	f.result.oldest = max(f.result.oldest, wait)
	first := int((dispatched.Sub(f.begin) + time.Minute) / time.Second)
	for second := first; second < int(time.Since(f.begin)/time.Second) && second < len(f.late); second++ {
		f.late[second] = true
	}
}

// dispatch hands tasks over as they come, one by one at random times of each second.
func (f *fleet) dispatch(task *taskhawk.Task[sleepArgs]) {
	due, handed := 0.0, 0
	random := rand.New(rand.NewPCG(1, 1))
	for second := range f.scenario.seconds {
		due += f.scenario.load(second)
		times := make([]float64, int(due)-handed)
		for i := range times {
			times[i] = random.Float64()
		}
		slices.Sort(times)
		for _, at := range times {
			time.Sleep(time.Until(f.begin.Add(seconds(float64(second) + at))))
			f.wait.Go(func() {
				_, err := task.Dispatch(f.Context(), sleepArgs{time.Now().UnixNano()})
				if err != nil {
					f.Error(err)
				}
			})
		}
		handed += len(times)
		time.Sleep(time.Until(f.begin.Add(time.Duration(second+1) * time.Second)))
	}
}

// scale looks at the queue every second, starts and stops workers as the rule says, and
// notes what run notes.
func (f *fleet) scale(p policy) {
	rule := p.scaler(f.scenario)
	for second := 1; second <= f.scenario.seconds; second++ {
		time.Sleep(time.Until(f.begin.Add(time.Duration(second) * time.Second)))
		for len(f.starting) > 0 && f.starting[0] <= second {
			f.start()
			f.starting = f.starting[1:]
		}
		b := f.look()
		f.result.workHours += float64(b.running) / (60 * 60)
		f.result.backlog = max(f.result.backlog, b.visible)
		if second%60 == 0 {
			f.result.minutes = append(f.result.minutes, minute{b.visible, b.running})
		}
		if second%p.every == 0 {
			f.set(rule.want(second, b), second+p.start)
		}
	}
}

// set starts workers at a second, or stops some now: first those that have not started.
func (f *fleet) set(want, at int) {
	for range want - len(f.stops) - len(f.starting) {
		f.starting = append(f.starting, at)
	}
	f.starting = f.starting[:min(len(f.starting), max(0, want-len(f.stops)))]
	for len(f.stops) > want {
		f.stops[len(f.stops)-1]()
		f.stops = f.stops[:len(f.stops)-1]
	}
}

func (f *fleet) start() {
	worker, err := sqsx.NewWorker(f.client, app, f.hub, sqsx.WorkerConfig{Concurrency: f.scenario.concurrency})
	require.NoError(f, err)
	ctx, stop := context.WithCancel(f.Context())
	f.stops = append(f.stops, stop)
	f.wait.Go(func() {
		if err := worker.Run(ctx); err != nil {
			f.Error(err)
		}
	})
}

func (f *fleet) look() backlog {
	f.looks++
	out, err := f.client.GetQueueAttributes(f.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: f.url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	require.NoError(f, err)
	count := func(name types.QueueAttributeName) float64 {
		n, err := strconv.Atoi(out.Attributes[string(name)])
		require.NoError(f, err)
		return float64(n)
	}
	return backlog{
		visible:  count(types.QueueAttributeNameApproximateNumberOfMessages),
		inFlight: count(types.QueueAttributeNameApproximateNumberOfMessagesNotVisible),
		running:  len(f.stops), starting: len(f.starting),
	}
}

// sum returns the result.
func (f *fleet) sum() result {
	f.result.requests = float64(f.server.TotalRequests() - f.looks)
	for _, late := range f.late {
		if late {
			f.result.late++
		}
	}
	f.result.total(f.scenario)
	return f.result
}

// slice is 40 minutes with a burst that a policy answers with eight workers.
func slice() scenario {
	return scenario{
		seconds: 40 * 60, taskTime: 4, concurrency: 4, maxWorkers: 8,
		load: func(second int) float64 {
			if second >= 305 && second < 315 {
				return 40
			}
			return 0.4
		},
	}
}

// smallDay is the day of the program with a fortieth of its tasks, 31,000, and workers
// that do a fortieth.
func smallDay() scenario {
	s := aDay()
	load := s.load
	s.load = func(second int) float64 { return load(second) / 40 }
	s.taskTime, s.concurrency = 4, 4
	return s
}

// burst is 15 minutes of the day of the program, from three before the burst: 39,000 tasks.
func burst() scenario {
	s := aDay()
	load := s.load
	s.seconds, s.load = 15*60, func(second int) float64 { return load(second + (14*60+57)*60) }
	return s
}

// Real workers, scaled by the same rules, do what the model says: within 5 % for the
// backlog, the hours of workers, and the oldest task, which has 5 seconds more, and within
// 7 % for requests. SIMULATE_DAY=1 takes a day and the burst in full size.
func TestWorkersDoWhatTheModelSays(t *testing.T) {
	t.Parallel()
	scenarios := map[string]scenario{"slice": slice()}
	if os.Getenv("SIMULATE_DAY") != "" {
		scenarios["day"], scenarios["burst"] = smallDay(), burst()
	}
	for name, s := range scenarios {
		for _, p := range policies() {
			t.Run(name+" "+p.name, func(t *testing.T) {
				t.Parallel()
				got, want := runWorkers(t, p, s), run(p, s)
				t.Logf("workers: %s", got.line())
				t.Logf("model:   %s", want.line())
				require.InDelta(t, want.tasks, got.tasks, 20, "tasks that started")
				require.InEpsilon(t, want.backlog, got.backlog, 0.05, "most waiting")
				require.InDelta(t, want.oldest.Seconds(), got.oldest.Seconds(), 5+0.05*want.oldest.Seconds(), "oldest")
				require.InEpsilon(t, want.workHours, got.workHours, 0.05, "hours of workers")
				require.InEpsilon(t, want.requests, got.requests, 0.07, "requests")
				require.InDelta(t, want.late, got.late, 0.01, "share of seconds above 60 s")
			})
		}
	}
}

func (r *result) line() string {
	return fmt.Sprintf("%.0f tasks, %.0f waiting, oldest %s, %.1f %% late, %.2f worker hours, %.0f requests",
		r.tasks, r.backlog, r.oldest.Round(time.Second), 100*r.late, r.workHours, r.requests)
}
