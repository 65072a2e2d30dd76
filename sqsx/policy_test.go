package sqsx_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// allowReceives sets the maxReceiveCount of the default queue.
func (r *env) allowReceives(count int) {
	r.Helper()
	url, err := r.client.GetQueueUrl(r.Context(), &sqs.GetQueueUrlInput{QueueName: name(taskhawk.Default)})
	require.NoError(r, err)
	_, err = r.client.SetQueueAttributes(r.Context(), &sqs.SetQueueAttributesInput{
		QueueUrl: url.QueueUrl,
		Attributes: map[string]string{"RedrivePolicy": fmt.Sprintf(
			`{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:%s:%s","maxReceiveCount":"%d"}`,
			"000000000000", sqsx.DeadLetterQueueName(*name(taskhawk.Default)), count,
		)},
	})
	require.NoError(r, err)
}

// letters are the dead letters of the default queue.
func (r *env) letters() []string {
	r.Helper()
	var reasons []string
	for _, m := range r.messages(sqsx.DeadLetterQueueName(*name(taskhawk.Default))) {
		reasons = append(reasons, m.Attributes["taskhawk_reason"])
	}
	return reasons
}

func TestMaxAttemptsBelowThoseOfTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		r := newEnv(t, func(context.Context, int) error { runs++; return errTest }, taskhawk.WithMaxAttempts(3))
		r.allowReceives(10)
		r.start(sqsx.WorkerConfig{})
		r.dispatch(1)
		time.Sleep(time.Hour)
		r.stop()
		require.Equal(t, 3, runs)
		require.Equal(t, []string{"no attempt is left: attempt 3 of 3 failed: test error"}, r.letters())
		r.requireEmpty()
	})
}

func TestMaxAttemptsAboveThoseOfTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		r := newEnv(t, func(context.Context, int) error { runs++; return errTest }, taskhawk.WithMaxAttempts(6))
		var log bytes.Buffer
		hub, err := taskhawk.NewHub(taskhawk.Config{
			Tasks: []taskhawk.AnyTask{r.number}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		require.NoError(t, err)
		worker, err := sqsx.NewWorker(r.client, app, hub, sqsx.WorkerConfig{
			Priorities: []taskhawk.Priority{taskhawk.Default},
		})
		require.NoError(t, err)
		r.run(worker)
		_, err = r.number.Dispatch(taskhawk.ContextWithHub(t.Context(), r.hub), numberArgs{N: 1})
		require.NoError(t, err)
		time.Sleep(time.Hour)
		r.stop()
		require.Equal(t, 5, runs)
		require.Equal(t, []string{"no attempt is left: attempt 5 of 5 failed: test error"}, r.letters(), "with a reason here too")
		require.Equal(t, 1, strings.Count(log.String(), "max attempts of tasks exceed the queue's maxReceiveCount"))
		require.Contains(t, log.String(), "max_receive_count=5 tasks=[tests.number]")
		require.EqualValues(t, 1, worker.Stats().Dead)
	})
}
