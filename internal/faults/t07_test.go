package faults_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// What only an operator can mend is said once a minute for each queue, not with every poll, and needs no restart afterwards.
func TestT07RefusedUntilAnOperatorActs(t *testing.T) {
	t.Parallel()
	for shape, code := range map[string]string{
		"KmsAccessDenied": "KMS.AccessDeniedException", "KmsDisabled": "KMS.DisabledException",
		"KmsInvalidKeyUsage": "KMS.InvalidKeyUsageException", "KmsInvalidState": "KMS.InvalidStateException",
		"KmsNotFound": "KMS.NotFoundException", "KmsOptInRequired": "KMS.OptInRequired", "AccessDenied": "AccessDenied",
	} {
		t.Run(shape, func(t *testing.T) {
			t.Parallel()
			inBubble(t, setup{What: "KMS errors and AccessDenied for ten minutes", Handle: halfMinute}, func(r *rig) {
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

// requireReports checks the lines about failing polls: for each queue one at once, and then one a minute.
func (o *outage) requireReports(code string) {
	o.Helper()
	times := map[string][]time.Time{}
	for _, l := range o.sink.lines("cannot receive messages, will go on trying") {
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
