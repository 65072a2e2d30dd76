package faults_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// lostAnswers are the ways in which the answer to a send that was applied does not arrive.
func lostAnswers() map[string]sqstest.Effect {
	return map[string]sqstest.Effect{
		"reset": sqstest.Reset(), "late": sqstest.Delay(11 * time.Second), "cut": sqstest.Truncate(20), "silence": sqstest.Silence(),
	}
}

// No answer to any attempt arrives, though SQS has stored every one: the error says that the outcome is unknown, and all copies have
// the one task id, which is the caller's to tell them by.
func TestT16AnswersToSendsLost(t *testing.T) {
	t.Parallel()
	for name, effect := range lostAnswers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, setup{What: "the answers to all attempts of a send are lost"}, func(r *rig) {
				sends := r.watch(sqstest.OpSendMessageBatch)
				fault := r.server.Inject(sqstest.Fault{On: sqstest.OpSendMessageBatch, After: true, Do: effect})
				start := time.Now()
				ids, err := r.tryFill(10)
				require.LessOrEqual(r, time.Since(start), allTimeout)
				var batch *taskhawk.BatchError
				require.ErrorAs(r, err, &batch)
				require.Len(r, batch.Failed, 10)
				for _, err := range batch.Failed {
					require.ErrorIs(r, err, taskhawk.ErrOutcomeUnknown)
					require.ErrorContains(r, err, taskhawk.ErrOutcomeUnknown.Error())
				}
				attempts := sends.count("")
				require.LessOrEqual(r, attempts, 3)
				require.GreaterOrEqual(r, attempts, 2, "the time is enough for two at least")
				stored := r.server.Ledger().Keys(sqstest.Accepted)
				require.Len(r, stored, 10)
				for _, id := range ids {
					require.Equal(r, attempts, stored[id])
				}
				fault.Remove()
				r.runAll()
				require.Equal(r, 10*attempts, r.book.total())
				r.Check(want{Duplicates: 10 * (attempts - 1)})
			})
		})
	}
}

// The answer to the first attempt is lost, and the second one arrives: the caller sees a success, and each task has two copies.
func TestT16OneAnswerLost(t *testing.T) {
	t.Parallel()
	for name, effect := range lostAnswers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, setup{What: "the answer to the first attempt of a send is lost"}, func(r *rig) {
				r.server.Inject(sqstest.Fault{On: sqstest.OpSendMessageBatch, Nth: 1, After: true, Do: effect})
				id := r.dispatch(0)
				require.Equal(r, map[string]int{id: 2}, r.server.Ledger().Keys(sqstest.Accepted))
				r.runAll()
				r.Check(want{Duplicates: 1})
			})
		})
	}
}
