package faults_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// The times of an outage that a test can count on.
const (
	warmUp      = 2 * time.Minute  // until the backoff of the polls is at its longest
	maxRecovery = 31 * time.Second // the longest backoff, and a second
)

// outage is what a test saw of one.
type outage struct {
	*env

	worker   *worker
	receives *watch
	began    time.Time
	ended    time.Time
}

// outage lets every call fail for a while, with tasks in the middle of their run when it
// begins, and then judges that all is well again within maxRecovery, without a restart,
// and that nothing ran twice.
func (r *env) outage(effect sqstest.Effect, length time.Duration, during func(o *outage)) {
	r.Helper()
	r.fillAll(5)
	o := &outage{env: r, receives: r.watch(sqstest.OpReceiveMessage)}
	o.worker = r.start(sqsx.WorkerConfig{})
	time.Sleep(2 * time.Second) // ten handlers run, and the rest waits on the queues
	o.began = time.Now()
	fault := r.server.Inject(sqstest.Fault{Do: effect})
	during(o)
	time.Sleep(length - time.Since(o.began))
	o.ended = time.Now()
	fault.Remove()

	r.tryDispatchUntil(time.Minute)
	for _, priority := range taskhawk.Priorities() {
		r.await(maxRecovery, "the poller of "+queueName(priority)+" is alive", func() bool {
			return o.receives.between(queueName(priority), o.ended, time.Now()) > 0
		})
	}
	r.drain(5 * time.Minute)
	o.worker.stop()
	r.Check(want{})
}

// tryDispatchUntil dispatches one task after another until one gets through.
func (r *env) tryDispatchUntil(limit time.Duration) {
	r.Helper()
	n := 1000
	r.await(limit, "a dispatch succeeds", func() bool {
		n++
		_, err := r.tryDispatch(n)
		return err == nil
	})
}

// requireRate checks how many polls of each queue there were in the steady part of the
// outage: at most so many an hour.
func (o *outage) requireRate(perHour float64) {
	o.Helper()
	from, most := o.began.Add(warmUp), 0.0
	for _, priority := range taskhawk.Priorities() {
		polls := o.receives.between(queueName(priority), from, o.ended)
		rate := float64(polls) / o.ended.Sub(from).Hours()
		require.LessOrEqual(o, rate, perHour, "polls an hour of %s", queueName(priority))
		require.Positive(o, polls, "polls of %s", queueName(priority))
		most = max(most, rate)
	}
	o.notef("at most %.0f polls of a queue an hour", most)
}

// halfMinute handlers outlast the beginning of an outage.
func halfMinute(context.Context, int) error {
	time.Sleep(20 * time.Second)
	return nil
}

func TestT04ServerErrors(t *testing.T) {
	t.Parallel()
	const page = "<html><body><h1>Bad Gateway</h1>\r\n</body></html>"
	bodies := map[string]string{"with a page": page, "without a body": ""}
	for _, code := range []int{
		http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
	} {
		for name, body := range bodies {
			t.Run(http.StatusText(code)+" "+name, func(t *testing.T) {
				t.Parallel()
				s := setup{What: "500, 502, 503, 504 for five minutes, with HTML or nothing as the body", Handle: halfMinute}
				inBubble(t, s, func(r *env) {
					r.outage(sqstest.Status(code, body), 5*time.Minute, func(o *outage) {
						_, err := r.tryDispatch(500)
						require.ErrorIs(r, err, taskhawk.ErrOutcomeUnknown)
						require.LessOrEqual(r, time.Since(o.began), 2*time.Second, "three attempts")
					})
					require.LessOrEqual(r, r.server.TotalRequests(), 5*60*4, "a request a second and poller")
				})
			})
		}
	}
}

// In an outage of an hour the SDK's own quota of retries would run dry and its calls fail
// without a pause: the pollers wait all the same, and are all there when it is over.
func TestT05OutageOfAnHour(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "503 for an hour", Handle: halfMinute}, func(r *env) {
		r.outage(sqstest.Status(http.StatusServiceUnavailable, ""), time.Hour, func(o *outage) {
			time.Sleep(58 * time.Minute)
			for _, health := range o.worker.Health() {
				require.Greater(o, health.Failures, 100)
				require.Error(o, health.Err)
			}
			o.ended = time.Now()
			o.requireRate(150)
			for _, gap := range o.receives.gaps(queueName(taskhawk.Default))[10:] {
				require.LessOrEqual(o, gap, 30*time.Second)
			}
		})
	})
}

// The same when the program lets the SDK retry as it likes.
func TestT05OutageWithAnEagerClient(t *testing.T) {
	t.Parallel()
	s := setup{What: "503 for an hour, with a client of ten attempts", Handle: halfMinute, Client: func(o *sqs.Options) {
		o.RetryMaxAttempts = 10
	}}
	inBubble(t, s, func(r *env) {
		r.outage(sqstest.Status(http.StatusServiceUnavailable, ""), time.Hour, func(o *outage) {
			time.Sleep(58 * time.Minute)
			o.ended = time.Now()
			o.requireRate(150)
		})
	})
}

// throttling is how SQS says that it is too much.
func throttling() map[string]sqstest.Effect {
	return map[string]sqstest.Effect{
		"RequestThrottled":        sqstest.Error("RequestThrottled", "slow down"),
		"ThrottlingException":     sqstest.Error("ThrottlingException", "slow down"),
		"429 bare":                sqstest.Status(http.StatusTooManyRequests, ""),
		"KMS.ThrottlingException": sqstest.Error("KMS.ThrottlingException", "slow down"),
		"KmsThrottled":            sqstest.Error("KmsThrottled", "slow down"),
		"OverLimit":               sqstest.Error("OverLimit", "too many in flight"),
	}
}

func TestT06Throttling(t *testing.T) {
	t.Parallel()
	for name, effect := range throttling() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, setup{What: "throttling in each of its forms for ten minutes", Handle: halfMinute}, func(r *env) {
				sends := r.watch(sqstest.OpSendMessageBatch)
				r.outage(effect, 10*time.Minute, func(o *outage) {
					before := sends.count("")
					_, err := r.tryDispatch(500)
					require.Error(r, err)
					require.NotErrorIs(r, err, taskhawk.ErrOutcomeUnknown, "SQS said no")
					require.Equal(r, 3, sends.count("")-before, "attempts")
					time.Sleep(9 * time.Minute)
					o.ended = time.Now()
					o.requireRate(150)
				})
				for _, gap := range sends.gaps("")[4:] {
					require.GreaterOrEqual(r, gap, 50*time.Millisecond, "no tight loop")
				}
			})
		})
	}
}

// What only an operator can mend is said once a minute for each queue, not with every
// poll, and needs no restart afterwards.
func TestT07RefusedUntilAnOperatorActs(t *testing.T) {
	t.Parallel()
	for shape, code := range map[string]string{
		"KmsAccessDenied": "KMS.AccessDeniedException", "KmsDisabled": "KMS.DisabledException",
		"KmsInvalidKeyUsage": "KMS.InvalidKeyUsageException", "KmsInvalidState": "KMS.InvalidStateException",
		"KmsNotFound": "KMS.NotFoundException", "KmsOptInRequired": "KMS.OptInRequired", "AccessDenied": "AccessDenied",
	} {
		t.Run(shape, func(t *testing.T) {
			t.Parallel()
			inBubble(t, setup{What: "KMS errors and AccessDenied for ten minutes", Handle: halfMinute}, func(r *env) {
				r.outage(sqstest.Error(shape, "not allowed"), 10*time.Minute, func(o *outage) {
					_, err := r.tryDispatch(500)
					require.ErrorContains(r, err, code)
					require.NotErrorIs(r, err, taskhawk.ErrOutcomeUnknown)
					require.Less(r, time.Since(o.began), time.Millisecond, "no second attempt")
					time.Sleep(10*time.Minute - time.Second)
					o.requireReports(code)
					for _, health := range o.worker.Health() {
						require.ErrorContains(r, health.Err, code)
					}
				})
			})
		})
	}
}

// requireReports checks the lines about failing polls: for each queue one at once, and
// then one a minute.
func (o *outage) requireReports(code string) {
	o.Helper()
	times := map[string][]time.Time{}
	for _, l := range o.sink.lines("receive failed; retrying") {
		require.Contains(o, l.Attrs["error"], code)
		times[l.Attrs["queue"]] = append(times[l.Attrs["queue"]], l.Time)
	}
	for _, priority := range taskhawk.Priorities() {
		queue := queueName(priority)
		require.GreaterOrEqual(o, len(times[queue]), 7, "reports about %s", queue)
		require.LessOrEqual(o, len(times[queue]), 11, "reports about %s", queue)
		require.LessOrEqual(o, times[queue][0].Sub(o.began), 25*time.Second, "the first report about %s", queue)
		for i := 1; i < len(times[queue]); i++ {
			require.GreaterOrEqual(o, times[queue][i].Sub(times[queue][i-1]), time.Minute)
			require.LessOrEqual(o, times[queue][i].Sub(times[queue][i-1]), 90*time.Second)
		}
	}
}

// deleteQueue deletes the queue of a priority, which tasks on it would not survive.
func (r *env) deleteQueue(priority taskhawk.Priority) {
	r.Helper()
	url := r.server.Queue(queueName(priority)).URL
	_, err := r.client.DeleteQueue(r.Context(), &sqs.DeleteQueueInput{QueueUrl: aws.String(url)})
	require.NoError(r, err)
}

// A worker does not wait for a queue that was never there: it says so at once, by type
// and by name.
func TestT08QueueMissingAtStart(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "a queue that does not exist at the start"}, func(r *env) {
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

// A queue is deleted while the worker runs, and made again ten minutes later: the worker
// waits for it with backoff, and serves the other three as if nothing had happened.
func TestT08QueueDeletedAndMadeAgain(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "a queue deleted and made again while the worker runs"}, func(r *env) {
		w := r.start(sqsx.WorkerConfig{})
		time.Sleep(time.Minute)
		gone := queueName(taskhawk.Low)
		r.deleteQueue(taskhawk.Low)
		for minute := range 10 {
			for i, priority := range []taskhawk.Priority{taskhawk.High, taskhawk.Default, taskhawk.Bulk} {
				n := 10*minute + i
				sent := time.Now()
				r.dispatch(n, taskhawk.WithPriority(priority))
				r.await(time.Minute, "the task runs", func() bool { return r.record.runs(n) == 1 })
				require.LessOrEqual(r, r.record.runTimes(n)[0].Sub(sent), 10*time.Millisecond, "the other queues wait for nothing")
			}
			time.Sleep(time.Minute)
		}
		_, err := r.tryDispatch(100, taskhawk.WithPriority(taskhawk.Low))
		var missing *types.QueueDoesNotExist
		require.ErrorAs(r, err, &missing)
		require.LessOrEqual(r, len(r.sink.lines("receive failed; retrying")), 11)

		require.NoError(r, sqsx.Provision(r.Context(), r.client, app, sqsx.ProvisionConfig{}))
		require.True(r, r.server.Queue(gone).Exists)
		r.dispatch(101, taskhawk.WithPriority(taskhawk.Low))
		r.drain(maxRecovery)
		require.Equal(r, 1, r.record.runs(101))
		w.stop()
		r.Check(want{Refused: map[string]int{"QueueDoesNotExist": 40}})
	})
}
