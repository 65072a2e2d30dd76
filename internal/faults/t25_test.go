package faults_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// pollCounter is a client that counts the polls of one worker that run at once.
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
	c.count(*in.QueueUrl, 1)
	defer c.count(*in.QueueUrl, -1)
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

// over is how often there was more than one poll of a queue, and how many polls run now.
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
	const crews, rounds = 10, 50
	s := setup{
		What: "start, stop, start: 10 times 50", Handle: mixedWork(time.Second, 40*time.Second, time.Second),
		// Each stop that gives a message back has received it once.
		Provision: sqsx.ProvisionConfig{MaxReceiveCount: 1000},
	}
	inBubble(t, s, func(r *rig) {
		config := sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.High, taskhawk.Default}}
		for _, priority := range config.Priorities {
			r.fill(50, taskhawk.WithPriority(priority))
		}
		var starters sync.WaitGroup
		for crew := range crews {
			starters.Go(func() {
				for round := range rounds {
					config := config
					config.AbortPolls = round%2 == 0
					startStop(r, config, time.Duration(crew*round)*37*time.Millisecond)
				}
			})
		}
		starters.Wait()
		last := r.start(config)
		r.drain(time.Hour)
		last.stop()
		r.Check(want{})
	})
}

// startStop runs a worker for a while; Run is called twice, and runs it once.
func startStop(r *rig, config sqsx.WorkerConfig, lifetime time.Duration) {
	polls := &pollCounter{API: r.client}
	w := r.startWith(polls, config)
	time.Sleep(lifetime + time.Nanosecond)
	if !errors.Is(w.Run(r.Context()), taskhawk.ErrWorkerStarted) {
		r.Errorf("a second Run runs")
	}
	w.stop()
	if excess, left := polls.over(); excess > 0 || left > 0 {
		r.Errorf("%d times two polls of a queue at once, and %d still run", excess, left)
	}
}
