package faults_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// impatient is an API behind a proxy that does not let polls wait, while that is so.
type impatient struct {
	sqsx.API
	waits *atomic.Bool
}

func (a impatient) ReceiveMessage(
	ctx context.Context, in *sqs.ReceiveMessageInput, options ...func(*sqs.Options),
) (*sqs.ReceiveMessageOutput, error) {
	if a.waits.Load() {
		return a.API.ReceiveMessage(ctx, in, options...)
	}
	short := *in
	short.WaitTimeSeconds = 0
	return a.API.ReceiveMessage(ctx, &short, options...)
}

// Idle polls are made no more often than where they wait; a busy queue is not slowed; and
// when the proxy is gone, all is as before.
func TestT62PollsThatDoNotWait(t *testing.T) {
	t.Parallel()
	const tasks = 300
	s := setup{What: "polls that come back empty at once", Handle: func(context.Context, int) error {
		time.Sleep(100 * time.Millisecond)
		return nil
	}}
	inBubble(t, s, func(r *env) {
		for _, priority := range taskhawk.Priorities() {
			_, err := r.client.SetQueueAttributes(r.Context(), &sqs.SetQueueAttributesInput{
				QueueUrl:   aws.String(r.server.Queue(queueName(priority)).URL),
				Attributes: map[string]string{"ReceiveMessageWaitTimeSeconds": "0"},
			})
			require.NoError(r, err)
		}
		receives := r.watch(sqstest.OpReceiveMessage)
		var waits atomic.Bool
		w := r.startWith(impatient{r.client, &waits}, sqsx.WorkerConfig{})
		start := time.Now()
		time.Sleep(time.Hour)
		idle := receives.between("", start, time.Now())
		require.LessOrEqual(r, idle, 4*240, "720 where polls wait, and the first pauses")
		require.Len(r, r.sink.lines("receive came back empty before its wait was over; pausing between polls"), 4*60, "one a minute and queue")

		r.fill(tasks)
		require.LessOrEqual(r, r.drain(time.Minute), sqsx.MaxWaitTime+4*time.Second, "the rest of a pause, and three seconds of work")
		r.notef("%d polls in an idle hour of four queues", idle)

		waits.Store(true)
		time.Sleep(time.Minute)
		sent := time.Now()
		r.dispatch(tasks)
		r.drain(time.Second)
		require.Equal(r, sent, r.record.runTimes(tasks)[0], "a poll was waiting")
		for _, health := range w.Health() {
			require.Zero(r, health.Failures)
		}
		w.stop()
		r.Check(want{})
	})
}

// The first poll of each queue fails, and all others are shorter than the timeout:
// nothing is stranded, tasks run at once.
func TestT63ClientTimeoutShorterThanTheWait(t *testing.T) {
	t.Parallel()
	s := setup{What: "an HTTP timeout that is shorter than a long poll"}
	inBubble(t, s, func(r *env) {
		client := r.newClient(func(o *sqs.Options) {
			own, _ := o.HTTPClient.(*http.Client)
			o.HTTPClient = &http.Client{Transport: own.Transport, Timeout: 2 * time.Second}
		})
		w := r.startWith(client, sqsx.WorkerConfig{})
		time.Sleep(10 * time.Minute)
		for n := range 40 {
			sent := time.Now()
			r.dispatch(n, taskhawk.WithPriority(taskhawk.Priorities()[n%4]))
			time.Sleep(7 * time.Second)
			require.LessOrEqual(r, r.record.runTimes(n)[0].Sub(sent), time.Second)
		}
		require.Len(r, r.sink.lines("receive timed out before its wait was over: "+
			"raise the timeout of the HTTP client above WaitTime; using a shorter wait"), 4)
		for _, health := range w.Health() {
			require.Zero(r, health.Failures)
		}
		w.stop()
		r.Check(want{})
	})
}
