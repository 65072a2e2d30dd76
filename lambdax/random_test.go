package lambdax_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// errRandom is what tasks of random batches fail with.
var errRandom = fmt.Errorf("random: %w", errDown)

// account is what really became of the tasks of an invocation: the judge of its answer.
type account struct {
	mu    sync.Mutex
	begun []int
	done  map[int]bool
	now   map[int]bool // running
}

// scripted runs task n: for so long, and then with that outcome.
func (a *account) scripted(end time.Time) *taskhawk.Task[scriptArgs] {
	return taskhawk.New("scripted", func(ctx context.Context, args scriptArgs) error {
		a.mu.Lock()
		a.begun = append(a.begun, args.N)
		a.now[args.N] = true
		a.mu.Unlock()
		defer func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			delete(a.now, args.N)
		}()
		select {
		case <-time.After(time.Duration(args.For) * time.Millisecond):
		case <-ctx.Done():
			if !args.Deaf {
				return context.Cause(ctx)
			}
			<-time.After(time.Until(end)) // returns long after the answer
		}
		switch args.Do {
		case "panic":
			panic(secret)
		case "goexit":
			runtime.Goexit()
		case "fail":
			return errRandom
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.done[args.N] = true
		return nil
	})
}

type scriptArgs struct {
	N    int
	Do   string
	For  int // ms
	Deaf bool
}

// trial is a random event and the settings of the function.
type trial struct {
	event                    events.SQSEvent
	bad                      map[string]bool // messages that no handler sees
	fifo, skip, partial, all bool
	concurrency              int
	timeout, margin          time.Duration
	groups                   []string
}

func drawTrial(t *rapid.T) trial {
	c := trial{
		fifo: rapid.Bool().Draw(t, "fifo"), partial: rapid.Bool().Draw(t, "partial"), concurrency: rapid.IntRange(1, 4).Draw(t, "concurrency"),
		timeout: time.Duration(rapid.SampledFrom([]int{-1, 0, 50, 1000, 1300, 2000, 60_000}).Draw(t, "timeout"))*time.Millisecond + time.Millisecond/2, // never just when a handler ends
		margin:  time.Duration(rapid.SampledFrom([]int{1, 100, 1000}).Draw(t, "margin")) * time.Millisecond,
		bad:     map[string]bool{},
	}
	c.skip, c.all = rapid.Bool().Draw(t, "skip"), c.partial && rapid.Bool().Draw(t, "all")
	for n := range rapid.IntRange(1, 12).Draw(t, "records") {
		m, group := message(n, c.drawBody(t, n)), rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "group")
		if rapid.IntRange(0, 19).Draw(t, "twice") == 0 && n > 0 {
			m, group = c.event.Records[n-1], c.groups[n-1]
		}
		if c.fifo {
			m.EventSourceARN, m.Attributes = "arn:aws:sqs:r:1:q.fifo", map[string]string{"MessageGroupId": group}
		}
		c.event.Records, c.groups = append(c.event.Records, m), append(c.groups, group)
	}
	return c
}

func (c *trial) drawBody(t *rapid.T, n int) string {
	if rapid.IntRange(0, 9).Draw(t, "bad") == 0 {
		c.bad[fmt.Sprint("m", n)] = true
		return secret
	}
	return fmt.Sprintf(`{"id":"i","metadata":{"timestamp":1,"version":"1.0"},"task":"scripted","args":[%d,%q,%d,%t]}`, n,
		rapid.SampledFrom([]string{"", "", "", "fail", "panic", "goexit"}).Draw(t, "do"),
		rapid.SampledFrom([]int{0, 10, 400, 1200}).Draw(t, "for"), rapid.IntRange(0, 9).Draw(t, "deaf") == 0)
}

func (c *trial) config() lambdax.SQSConfig {
	return lambdax.SQSConfig{
		Concurrency: c.concurrency, Margin: c.margin, PartialBatch: c.partial, SkipGroupOnError: c.skip, ErrorIfAllFailed: c.all,
	}
}

// gone is what Lambda deletes upon an answer: nothing after an error, else all that is
// not reported, where the mapping has it so.
func (c *trial) gone(response events.SQSEventResponse, err error) (ids []string) {
	if err != nil {
		return nil
	}
	reported := map[string]bool{}
	for _, failure := range response.BatchItemFailures {
		reported[failure.ItemIdentifier] = true
	}
	for _, m := range c.event.Records {
		if !reported[m.MessageId] || !c.partial {
			ids = append(ids, m.MessageId)
		}
	}
	return ids
}

// No record is ever reported as done that was not, nor is one of a FIFO group run behind
// one that failed.
func TestNothingIsReportedDoneThatWasNot(t *testing.T) {
	t.Parallel()
	for range 20 { // rapid checks a hundred each time
		rapid.Check(t, func(draw *rapid.T) {
			c := drawTrial(draw)
			var thrown any // rapid fails by panics, which have to reach it
			synctest.Test(t, func(t *testing.T) {
				defer func() { thrown = recover() }()
				c.run(t, draw)
			})
			if thrown != nil {
				draw.FailNow()
			}
		})
	}
}

// run has its requirements fail the case, which rapid then shrinks, and its env belong to
// the bubble.
func (c *trial) run(bubble *testing.T, t *rapid.T) { //nolint:thelper // t is the one that fails
	start := time.Now()
	a := &account{done: map[int]bool{}, now: map[int]bool{}}
	r := newEnv(bubble, a.scripted(start.Add(time.Hour)))
	ctx, cancel := context.WithDeadline(bubble.Context(), start.Add(c.timeout))
	response, err := must(lambdax.SQS(r.hub, c.config()))(ctx, c.event)
	took := time.Since(start)
	cancel()

	a.mu.Lock()
	done, busy := map[string]bool{}, map[string]bool{}
	for n := range a.done {
		done[fmt.Sprint("m", n)] = true
	}
	for n := range a.now {
		busy[fmt.Sprint("m", n)] = true
	}
	begun := slices.Clone(a.begun)
	a.mu.Unlock()

	require.LessOrEqual(t, took, max(c.timeout-min(c.margin, c.timeout/2), 0), "the answer leaves in time")
	require.NotNil(t, response.BatchItemFailures)
	for _, id := range c.gone(response, err) {
		require.True(t, done[id], "%s is reported as done", id)
		require.False(t, busy[id], "%s is reported as done and still runs", id)
		require.False(t, c.bad[id])
	}
	c.requireExact(t, response, err, done)
	c.requireOrder(t, begun, done)
	time.Sleep(2 * time.Hour) // handlers that hung end
}

// requireExact holds that what was done is not reported either, and that each report is
// of a record of the event, once.
func (c *trial) requireExact(t require.TestingT, response events.SQSEventResponse, err error, done map[string]bool) {
	all := map[string]bool{}
	for _, m := range c.event.Records {
		all[m.MessageId] = true
	}
	failures := 0
	for id := range all {
		if !done[id] {
			failures++
		}
	}
	if !c.partial || c.all && failures == len(all) {
		require.Equal(t, failures > 0, err != nil)
		require.Empty(t, response.BatchItemFailures)
		return
	}
	require.NoError(t, err)
	require.Len(t, response.BatchItemFailures, failures)
	for _, failure := range response.BatchItemFailures {
		require.True(t, all[failure.ItemIdentifier])
		require.False(t, done[failure.ItemIdentifier])
		delete(all, failure.ItemIdentifier) // once
	}
}

// requireOrder holds that no message of a FIFO group began before those in front of it
// were done, and each once.
func (c *trial) requireOrder(t require.TestingT, begun []int, done map[string]bool) {
	seen := map[int]bool{}
	for _, n := range begun {
		require.False(t, seen[n], "task %d ran twice", n)
		seen[n] = true
		for earlier := range n {
			id := c.event.Records[earlier].MessageId
			if c.fifo && c.groups[earlier] == c.groups[n] && id != c.event.Records[n].MessageId {
				require.True(t, done[id], "task %d ran behind %s", n, id)
			}
		}
	}
}
