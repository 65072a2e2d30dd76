package faults_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// In an outage of an hour the SDK's own quota of retries would run dry and its calls fail without a pause: the pollers wait all the
// same, and are all there when it is over.
func TestT05OutageOfAnHour(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "503 for an hour", Handle: halfMinute}, func(r *rig) {
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
	inBubble(t, s, func(r *rig) {
		r.outage(sqstest.Status(http.StatusServiceUnavailable, ""), time.Hour, func(o *outage) {
			time.Sleep(58 * time.Minute)
			o.ended = time.Now()
			o.requireRate(150)
		})
	})
}
