package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

const (
	app = "bench"
	// regionTrip is how long SQS takes for a receive or a delete within a region.
	regionTrip = 15 * time.Millisecond
	// batch is how many messages a call takes.
	batch = 10
	// A run is measured once it has warmed up.
	warmUp   = 500 * time.Millisecond
	measured = time.Second
)

// row is a worker with a backlog.
type row struct {
	concurrency int
	takes       time.Duration // of a handler
	queues      int           // that have a backlog
}

func rows() []row {
	return []row{
		{10, 5 * time.Millisecond, 1},
		{10, 100 * time.Millisecond, 1},
		{100, 100 * time.Millisecond, 1},
		{400, 100 * time.Millisecond, 1},
		{1000, 250 * time.Millisecond, 1},
		{100, 100 * time.Millisecond, 4},
	}
}

func (r row) String() string { return fmt.Sprintf("%d, %s, %d", r.concurrency, r.takes, r.queues) }

// ideal is how many tasks a second the handlers could do.
func (r row) ideal() float64 { return float64(r.concurrency) / r.takes.Seconds() }

// receives is how many receives of each queue must be in flight for handlers to be busy,
// and a quarter more.
func (r row) receives() int {
	return 1 + int(1.25*r.ideal()*regionTrip.Seconds()/batch)/r.queues
}

// result is what a run did.
type result struct {
	row    row
	done   int64
	took   time.Duration
	ran    time.Duration // all handlers together
	calls  int64
	cpuUse time.Duration
}

// share is the throughput as a share of the ideal one.
func (r result) share() float64 { return float64(r.done) / r.took.Seconds() / r.row.ideal() }

// busy is the share of the time in which a slot ran a handler. It is above share where a
// handler takes longer than it should: a sleep of 5 ms ends up to 1 ms late.
func (r result) busy() float64 {
	return r.ran.Seconds() / r.took.Seconds() / float64(r.row.concurrency)
}

// requests is how many requests a task took.
func (r result) requests() float64 { return float64(r.calls) / float64(max(r.done, 1)) }

// cpu is the processor time of a task, in µs.
func (r result) cpu() float64 { return float64(r.cpuUse.Microseconds()) / float64(max(r.done, 1)) }

// env is a server with queues, made anew for every run.
type env struct {
	row    row
	server *sqstest.Server
	client *sqs.Client
	task   *taskhawk.Task[args]
	hub    *taskhawk.Hub
	queues []string // names
	urls   []string
	done   atomic.Int64
	ran    atomic.Int64 // all handlers together, in ns
}

type args struct{ N int }

// fill starts the server, with a backlog of so many tasks on each queue.
func (e *env) fill(ctx context.Context, backlog int) error {
	e.server.LimitLedger(0)
	e.server.Start()
	e.client = e.server.Client()
	publisher, err := sqsx.NewPublisher(e.client, app, sqsx.PublisherConfig{})
	if err != nil {
		return err
	}
	e.task = taskhawk.New("bench.task", func(context.Context, args) error {
		e.handle()
		return nil
	})
	e.hub, err = taskhawk.NewHub(taskhawk.Config{
		Publisher: publisher, Tasks: []taskhawk.AnyTask{e.task}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	for _, priority := range taskhawk.Priorities()[:e.row.queues] {
		name := sqsx.QueueName(app, priority)
		out, err := e.client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(name)})
		if err != nil {
			return err
		}
		e.queues, e.urls = append(e.queues, name), append(e.urls, *out.QueueUrl)
		if _, err := e.task.WithPriority(priority).DispatchAll(ctx, make([]args, backlog)); err != nil {
			return err
		}
	}
	slow := sqstest.Fault{Do: sqstest.Delay(regionTrip), If: func(request sqstest.Request) bool {
		switch request.Operation {
		case sqstest.OpReceiveMessage, sqstest.OpDeleteMessage, sqstest.OpDeleteMessageBatch:
			return true
		}
		return false
	}}
	e.server.Inject(slow)
	e.server.ResetCounts()
	return nil
}

// handle is what each handler does.
func (e *env) handle() {
	start := time.Now()
	time.Sleep(e.row.takes)
	e.ran.Add(int64(time.Since(start)))
	e.done.Add(1)
}

// contender is one way to work tasks off, until ctx ends.
type contender struct {
	name, title string
	work        func(ctx context.Context, e *env) error
}

func contenders() []contender {
	return []contender{
		{"taskhawk", "**taskhawk**, `sqsx.Worker`", workOurs},
		{"hand", "loop by hand", workByHand},
		{"gocloud", "gocloud.dev/pubsub", workGocloud},
		{"watermill", "watermill-aws", workWatermill},
	}
}

// measure makes one run.
func measure(c contender, r row) (result, error) {
	backlog := int(r.ideal()*(warmUp+measured).Seconds()) + 2*r.concurrency
	found := result{row: r}
	err := during(c, r, backlog, func(e *env) {
		time.Sleep(warmUp)
		e.server.ResetCounts()
		// The time begins first and ends last: no task counts that ran outside of it.
		start := time.Now()
		cpu, done, ran := processorTime(), e.done.Load(), e.ran.Load()
		time.Sleep(measured)
		found.done, found.ran = e.done.Load()-done, time.Duration(e.ran.Load()-ran)
		found.cpuUse, found.calls = processorTime()-cpu, int64(e.server.TotalRequests())
		found.took = time.Since(start)
	})
	return found, err
}

// countIdle returns how many requests an hour each contender makes on four empty queues.
// They cost no processor time, so they are counted side by side.
func countIdle(compared []contender, d time.Duration) ([]float64, error) {
	counts, errs := make([]float64, len(compared)), make([]error, len(compared))
	var group sync.WaitGroup
	for i, c := range compared {
		group.Go(func() {
			errs[i] = during(c, row{concurrency: 10, takes: time.Millisecond, queues: 4}, 0, func(e *env) {
				time.Sleep(warmUp)
				e.server.ResetCounts()
				time.Sleep(d)
				counts[i] = float64(e.server.TotalRequests()) / d.Hours()
			})
		})
	}
	group.Wait()
	return counts, errors.Join(errs...)
}

// during runs a contender while look does.
func during(c contender, r row, backlog int, look func(e *env)) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	e := &env{row: r, server: sqstest.NewUnstartedServer()}
	defer e.server.Close()
	if err := e.fill(ctx, backlog); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.work(ctx, e) }()
	look(e)
	cancel()
	return <-ended
}

// processorTime is what all threads of this process have used by now.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
