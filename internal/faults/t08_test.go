package faults_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// deleteQueue deletes the queue of a priority, which tasks on it would not survive.
func (r *rig) deleteQueue(priority taskhawk.Priority) {
	r.Helper()
	url := r.server.Queue(queueName(priority)).URL
	_, err := r.client.DeleteQueue(r.Context(), &sqs.DeleteQueueInput{QueueUrl: aws.String(url)})
	require.NoError(r, err)
}

// A worker does not wait for a queue that was never there: it says so at once, by type and by name.
func TestT08QueueMissingAtStart(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "a queue that does not exist at the start"}, func(r *rig) {
		r.deleteQueue(taskhawk.Low)
		start := time.Now()
		err := r.start(sqsx.WorkerConfig{}).wait()
		require.LessOrEqual(r, time.Since(start), 10*time.Second)
		var missing *types.QueueDoesNotExist
		require.ErrorAs(r, err, &missing)
		var located *sqsx.QueueError
		require.ErrorAs(r, err, &located)
		require.Equal(r, queueName(taskhawk.Low), located.Queue)
		require.ErrorContains(r, err, "sqsx.Provision")
		r.Check(want{Refused: map[string]int{"QueueDoesNotExist": 1}})
	})
}

// A queue is deleted while the worker runs, and made again ten minutes later: the worker waits for it with backoff, and serves
// the other three as if nothing had happened.
func TestT08QueueDeletedAndMadeAgain(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "a queue deleted and made again while the worker runs"}, func(r *rig) {
		w := r.start(sqsx.WorkerConfig{})
		time.Sleep(time.Minute)
		gone := queueName(taskhawk.Low)
		r.deleteQueue(taskhawk.Low)
		for minute := range 10 {
			for i, priority := range []taskhawk.Priority{taskhawk.High, taskhawk.Default, taskhawk.Bulk} {
				n := 10*minute + i
				sent := time.Now()
				r.dispatch(n, taskhawk.WithPriority(priority))
				r.await(time.Minute, "the task runs", func() bool { return r.book.runs(n) == 1 })
				require.LessOrEqual(r, r.book.runTimes(n)[0].Sub(sent), 10*time.Millisecond, "the other queues wait for nothing")
			}
			time.Sleep(time.Minute)
		}
		_, err := r.tryDispatch(100, taskhawk.WithPriority(taskhawk.Low))
		var missing *types.QueueDoesNotExist
		require.ErrorAs(r, err, &missing)
		require.LessOrEqual(r, len(r.sink.lines("cannot receive messages, will go on trying")), 11)

		require.NoError(r, sqsx.Provision(r.Context(), r.client, app, sqsx.ProvisionConfig{}))
		require.True(r, r.server.Queue(gone).Exists)
		r.dispatch(101, taskhawk.WithPriority(taskhawk.Low))
		r.drain(maxRecovery)
		require.Equal(r, 1, r.book.runs(101))
		w.stop()
		r.Check(want{Refused: map[string]int{"QueueDoesNotExist": 40}})
	})
}
