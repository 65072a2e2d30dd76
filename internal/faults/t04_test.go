package faults_test

import (
	"context"
	"net/http"
	"testing"
	"time"

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
	*rig

	worker   *worker
	receives *watch
	began    time.Time
	ended    time.Time
}

// outage lets every call fail for a while, with tasks in the middle of their run when it begins, and then judges that all is well
// again within maxRecovery, without a restart, and that nothing ran twice.
func (r *rig) outage(effect sqstest.Effect, length time.Duration, during func(o *outage)) {
	r.Helper()
	r.fillAll(5)
	o := &outage{rig: r, receives: r.watch(sqstest.OpReceiveMessage)}
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
func (r *rig) tryDispatchUntil(limit time.Duration) {
	r.Helper()
	n := 1000
	r.await(limit, "a dispatch succeeds", func() bool {
		n++
		_, err := r.tryDispatch(n)
		return err == nil
	})
}

// requireRate checks how many polls of each queue there were in the steady part of the outage: at most so many an hour.
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
				inBubble(t, s, func(r *rig) {
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
