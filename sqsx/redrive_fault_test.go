package sqsx_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Any one request or answer gets lost: the redrive still moves everything, and only a
// lost answer to a send leaves copies.
func TestRedriveSurvivesOneLostRequestOrAnswer(t *testing.T) {
	t.Parallel()
	config := sqsx.RedriveConfig{Tasks: []string{"tests.wanted"}, Priorities: []taskhawk.Priority{taskhawk.Default}}
	for n, fired := 1, true; fired; n++ {
		for _, after := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				g := newGraveyard(t, sqsx.ProvisionConfig{})
				g.fill()
				var operations []string
				lost := g.server.Inject(sqstest.Fault{
					Nth: n, After: after, Do: sqstest.Reset(),
					If: func(r sqstest.Request) bool { operations = append(operations, r.Operation); return true },
				})
				report := g.redrive(config)
				if fired = lost.Fired() > 0; !fired {
					return
				}
				dead, back := g.copies()
				require.Empty(t, dead, "%s, after it was done: %v", operations[n-1], after)
				require.Len(t, back, wanted)
				require.Equal(t, wanted, report.Total())
				if operations[n-1] != sqstest.OpSendMessageBatch || !after {
					g.requireBack(wanted)
				}
			})
		}
	}
}

func TestRedriveGoesOnPastAMessageThatCannotBeMoved(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		for range 25 {
			g.buryTasks("tests.a")
		}
		g.server.Inject(sqstest.Fault{On: sqstest.OpSendMessageBatch, Nth: 1, Do: sqstest.FailEntries("InvalidParameterValue", true, 3, 4)})
		report, err := sqsx.Redrive(g.Context(), g.client, app, sqsx.RedriveConfig{Copy: true})
		var refused *smithy.GenericAPIError
		require.ErrorAs(g, err, &refused)
		require.Equal(g, "sqsx: redrive: queue TASKHAWK-DEV-MYAPP: api error "+
			"InvalidParameterValue: A fault was injected. (2 failures)", err.Error())
		require.Equal(g, sqsx.RedriveCount{Moved: 23, Failed: 2}, report.Count())
		g.requireBack(23)
		g.requireDead(2)
	})
}

func TestRedriveTriesEntriesAgainThatMayPass(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sqstest.Effect{
		"failed by SQS":  sqstest.FailEntries("InternalError", false, 3, 4),
		"not answered":   sqstest.OmitEntries(0),
		"throttled":      sqstest.Error("RequestThrottled", "slow down"),
		"no JSON at all": sqstest.Status(502, "<html>bad gateway</html>"),
	} {
		for _, operation := range []string{sqstest.OpSendMessageBatch, sqstest.OpDeleteMessageBatch} {
			inGraveyard(t, func(g *graveyard) {
				for range 10 {
					g.buryTasks("tests.a")
				}
				g.server.Inject(sqstest.Fault{On: operation, Times: 2, Nth: 1, Do: effect})
				require.Equal(g, sqsx.RedriveCount{Moved: 10}, g.redrive(sqsx.RedriveConfig{Copy: true}).Count(), name+" "+operation)
				g.requireBack(10)
				g.requireDead(0)
			})
		}
	}
}

func TestRedriveCountsWhatItCannotDelete(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		for range 10 {
			g.buryTasks("tests.a")
		}
		g.server.Inject(sqstest.Fault{On: sqstest.OpDeleteMessageBatch, Do: sqstest.FailEntries("InternalError", false, 0)})
		report, err := sqsx.Redrive(g.Context(), g.client, app, sqsx.RedriveConfig{Copy: true})
		require.ErrorContains(g, err, "queue TASKHAWK-DEV-MYAPP-DLQ")
		require.Equal(g, sqsx.RedriveCount{Moved: 10, Doubled: 1}, report.Count())
		require.Equal(g, 1, g.server.Queue(deadLettersOf(taskhawk.Default)).Visible+g.server.Queue(deadLettersOf(taskhawk.Default)).InFlight)
	})
}

func TestRedriveOfOneQueueDoesNotHoldUpTheOthers(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryTasks("tests.a")
		g.bury(deadLettersOf(taskhawk.Low), g.body("tests.a"))
		g.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Queue: deadLettersOf(taskhawk.High), Do: sqstest.Error("AccessDenied", "no")})
		_, err := g.client.DeleteQueue(g.Context(), deleteQueue(g.url(queueOf(taskhawk.Low))))
		require.NoError(g, err)
		report, err := sqsx.Redrive(g.Context(), g.client, app, sqsx.RedriveConfig{Copy: true})
		require.ErrorContains(g, err, "TASKHAWK-DEV-MYAPP-HIGH-PRIORITY-DLQ")
		require.ErrorContains(g, err, "queue TASKHAWK-DEV-MYAPP-LOW-PRIORITY does not exist")
		require.NotContains(g, err.Error(), "\n")
		var missing *types.QueueDoesNotExist
		require.ErrorAs(g, err, &missing)
		require.Equal(g, map[string]int{queueOf(taskhawk.Default): 1}, report.Moved)
		require.Len(g, report.Queues, 4)
		require.Zero(g, g.server.Queue(deadLettersOf(taskhawk.Low)).Messages[0].Receives, "a missing queue costs no letter a receive")
	})
}

func TestRedriveLeavesDamagedMessages(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		for range 10 {
			g.buryTasks("tests.a")
		}
		g.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Nth: 1, Do: sqstest.CorruptMD5(5)})
		report, err := sqsx.Redrive(g.Context(), g.client, app, sqsx.RedriveConfig{Copy: true})
		require.ErrorContains(g, err, "damaged message")
		require.Equal(g, sqsx.RedriveCount{Moved: 9, Failed: 1}, report.Count())
		g.requireDead(1)
	})
}

// SQS may deliver a message twice, in one answer or in two.
func TestRedriveMovesAMessageOnceThatIsDeliveredTwice(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sqstest.Effect{"in one answer": sqstest.DuplicateInBatch(), "in two": sqstest.Redeliver()} {
		inGraveyard(t, func(g *graveyard) {
			for range 4 {
				g.buryTasks("tests.a", "tests.b")
			}
			g.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Do: effect})
			report := g.redrive(sqsx.RedriveConfig{Tasks: []string{"tests.a"}})
			require.Equal(g, sqsx.RedriveCount{Moved: 4, Skipped: 4}, report.Count(), name)
			g.requireBack(4)
			g.requireDead(4)
		})
	}
}

// SQS delivers one letter again and again, and there are others behind it.
func TestRedriveIsNotStoppedByALetterThatComesBack(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryTasks("tests.b", "tests.a")
		g.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Nth: 1, Times: 5, Do: sqstest.Redeliver()})
		config := onlyDefault()
		config.Tasks, config.Rate = []string{"tests.a"}, 1
		require.Equal(g, sqsx.RedriveCount{Moved: 1, Skipped: 1}, g.redrive(config).Count())
	})
}

func TestRedriveShowsNoReceiptHandle(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryTasks("tests.a", "tests.a")
		var receipts []string
		client := g.clientThrough(func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			var input struct {
				Entries []struct{ ReceiptHandle string }
			}
			if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), sqstest.OpDeleteMessageBatch) {
				return next.RoundTrip(r)
			}
			require.NoError(g, json.NewDecoder(r.Body).Decode(&input))
			receipts = append(receipts, input.Entries[0].ReceiptHandle)
			text := fmt.Sprintf(`{"__type":"com.amazonaws.sqs#ReceiptHandleIsInvalid","message":"The handle %s\nis invalid"}`, receipts[0])
			return &http.Response{StatusCode: http.StatusNotFound, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
		})
		_, err := sqsx.Redrive(g.Context(), client, app, sqsx.RedriveConfig{Copy: true})
		require.EqualError(g, err, "sqsx: redrive: queue TASKHAWK-DEV-MYAPP-DLQ: operation error SQS: DeleteMessageBatch, "+
			"https response error StatusCode: 404, RequestID: , ReceiptHandleIsInvalid: The handle (receipt handle) is invalid (2 failures)")
		require.NotEmpty(g, receipts)
		var invalid *types.ReceiptHandleIsInvalid
		require.ErrorAs(g, err, &invalid)
	})
}

func TestRedriveThatMayNotStart(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryTasks("tests.a")
		ctx, cancel := context.WithCancelCause(g.Context())
		gone := errors.New("the operator left")
		cancel(gone)
		for _, config := range []sqsx.RedriveConfig{{}, {Copy: true}} {
			began := time.Now()
			report, err := sqsx.Redrive(ctx, g.client, app, config)
			require.ErrorIs(g, err, gone)
			require.Len(g, report.Queues, 1)
			require.Zero(g, report.Total())
			require.Zero(g, time.Since(began))
		}
		g.requireDead(1)
	})
}
