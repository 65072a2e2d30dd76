package faults_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

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
			inBubble(t, setup{What: "throttling in each of its forms for ten minutes", Handle: halfMinute}, func(r *rig) {
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
