package faults_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// failEntries makes the n-th batch of sends fail for some of its entries.
func (r *env) failEntries(nth int, effects ...sqstest.Effect) {
	for _, effect := range effects {
		r.server.Inject(sqstest.Fault{On: sqstest.OpSendMessageBatch, Nth: nth, Do: effect})
	}
}

// requireSent checks which tasks the batches carried: one list of indexes a batch.
func requireSent(r *env, sends *watch, ids []string, batches ...[]int) {
	r.Helper()
	require.Equal(r, len(batches), sends.count(""))
	for i, call := range sends.of("") {
		var sent []int
		for index, id := range ids {
			if strings.Contains(call.Body, id) {
				sent = append(sent, index)
			}
		}
		require.Equal(r, batches[i], sent, "batch %d", i)
	}
}

func allOf(n int) []int {
	indexes := make([]int, n)
	for i := range indexes {
		indexes[i] = i
	}
	return indexes
}

// runAll lets a worker run what is there.
func (r *env) runAll() {
	r.Helper()
	w := r.start(sqsx.WorkerConfig{})
	r.drain(allTimeout)
	w.stop()
}

// Three of ten entries fail, each in its way: SQS refuses one, another may pass, and of
// the third it says nothing. The two that may pass are sent again, the seven and the
// refused one are not.
func TestT15ThreeOfTenFail(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "three of ten entries of a send fail"}, func(r *env) {
		sends := r.watch(sqstest.OpSendMessageBatch)
		r.failEntries(1, sqstest.FailEntries("InternalError", false, 2), sqstest.FailEntries("InvalidMessageContents", true, 5),
			sqstest.OmitEntries(8))
		ids, err := r.tryFill(10)
		requireSent(r, sends, ids, allOf(10), []int{2, 8})
		var batch *taskhawk.BatchError
		require.ErrorAs(r, err, &batch)
		require.Equal(r, 10, batch.Total)
		require.Len(r, batch.Failed, 1)
		var refused *smithy.GenericAPIError
		require.ErrorAs(r, batch.Failed[5], &refused)
		require.Equal(r, smithy.FaultClient, refused.Fault)
		require.Equal(r, "InvalidMessageContents", refused.Code)
		require.NotErrorIs(r, batch.Failed[5], taskhawk.ErrOutcomeUnknown)
		r.runAll()
		require.Equal(r, 9, r.record.total())
		require.Zero(r, r.record.runs(5))
		r.Check(want{})
	})
}

// The same failures last for all three attempts: each entry has its own error. Only the
// refused one is certainly not stored.
func TestT15ThreeOfTenFailForGood(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "three of ten entries of a send fail at every attempt"}, func(r *env) {
		sends := r.watch(sqstest.OpSendMessageBatch)
		r.failEntries(1, sqstest.FailEntries("InternalError", false, 2), sqstest.FailEntries("InvalidMessageContents", true, 5),
			sqstest.OmitEntries(8))
		for nth := 2; nth <= 3; nth++ {
			r.failEntries(nth, sqstest.FailEntries("InternalError", false, 0), sqstest.OmitEntries(1))
		}
		ids, err := r.tryFill(10)
		requireSent(r, sends, ids, allOf(10), []int{2, 8}, []int{2, 8})
		var batch *taskhawk.BatchError
		require.ErrorAs(r, err, &batch)
		require.Len(r, batch.Failed, 3)
		var failed *smithy.GenericAPIError
		require.ErrorAs(r, batch.Failed[2], &failed)
		require.Equal(r, smithy.FaultServer, failed.Fault)
		require.ErrorIs(r, batch.Failed[2], taskhawk.ErrOutcomeUnknown)
		require.ErrorAs(r, batch.Failed[5], &failed)
		require.Equal(r, smithy.FaultClient, failed.Fault)
		require.NotErrorIs(r, batch.Failed[5], taskhawk.ErrOutcomeUnknown)
		require.ErrorIs(r, batch.Failed[8], taskhawk.ErrOutcomeUnknown)
		r.runAll()
		require.Equal(r, 7, r.record.total())
		r.Check(want{})
	})
}

// Entries are stored although the answer says that they failed, or says nothing: they are
// sent again, and run once more each.
func TestT15StoredAllTheSame(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "entries of a send that are stored though the answer says they failed"}, func(r *env) {
		sends := r.watch(sqstest.OpSendMessageBatch)
		for _, effect := range []sqstest.Effect{sqstest.FailEntries("InternalError", false, 2), sqstest.OmitEntries(8)} {
			r.server.Inject(sqstest.Fault{On: sqstest.OpSendMessageBatch, Nth: 1, After: true, Do: effect})
		}
		ids := r.fill(10)
		requireSent(r, sends, ids, allOf(10), []int{2, 8})
		stored := r.server.Ledger().Keys(sqstest.Accepted)
		require.Equal(r, 2, stored[ids[2]])
		require.Equal(r, 2, stored[ids[8]])
		r.runAll()
		require.Equal(r, 12, r.record.total())
		r.Check(want{Duplicates: 2})
	})
}

// lostAnswers are the ways in which the answer to a send that was applied does not
// arrive.
func lostAnswers() map[string]sqstest.Effect {
	return map[string]sqstest.Effect{
		"reset": sqstest.Reset(), "late": sqstest.Delay(11 * time.Second), "cut": sqstest.Truncate(20), "silence": sqstest.Silence(),
	}
}

// No answer to any attempt arrives, though SQS has stored every one: the error says that
// the outcome is unknown, and all copies have the one task id, which is the caller's to
// tell them by.
func TestT16AnswersToSendsLost(t *testing.T) {
	t.Parallel()
	for name, effect := range lostAnswers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, setup{What: "the answers to all attempts of a send are lost"}, func(r *env) {
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
				require.Equal(r, 10*attempts, r.record.total())
				r.Check(want{Duplicates: 10 * (attempts - 1)})
			})
		})
	}
}

// The answer to the first attempt is lost, and the second one arrives: the caller sees a
// success, and each task has two copies.
func TestT16OneAnswerLost(t *testing.T) {
	t.Parallel()
	for name, effect := range lostAnswers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, setup{What: "the answer to the first attempt of a send is lost"}, func(r *env) {
				r.server.Inject(sqstest.Fault{On: sqstest.OpSendMessageBatch, Nth: 1, After: true, Do: effect})
				id := r.dispatch(0)
				require.Equal(r, map[string]int{id: 2}, r.server.Ledger().Keys(sqstest.Accepted))
				r.runAll()
				r.Check(want{Duplicates: 1})
			})
		})
	}
}

// fifoSetup makes FIFO queues.
func fifoSetup(what string) setup {
	fifo := func(app string, priority taskhawk.Priority) string { return sqsx.QueueName(app, priority) + ".fifo" }
	return setup{
		What:      what,
		Publisher: sqsx.PublisherConfig{Naming: fifo},
		Provision: sqsx.ProvisionConfig{Naming: fifo},
	}
}

// The entries of a group keep their order, whatever fails on the way.
func TestT55OrderOfAGroupInSends(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sqstest.Effect{
		"an entry fails for a moment": sqstest.FailEntries("InternalError", false, 0),
		"no answer for an entry":      sqstest.OmitEntries(0),
		"the call fails":              sqstest.Status(503, ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := fifoSetup("sends of a FIFO group that fail for a moment")
			var ran []int
			s.Handle = func(_ context.Context, n int) error {
				ran = append(ran, n)
				return nil
			}
			inBubble(t, s, func(r *env) {
				for nth := 2; nth <= 20; nth += 5 {
					r.failEntries(nth, effect)
				}
				r.fill(20, taskhawk.WithGroup("g"))
				w := r.start(sqsx.WorkerConfig{Naming: s.Publisher.Naming})
				r.await(time.Minute, "all tasks", func() bool { return r.record.total() == 20 })
				w.stop()
				require.Equal(r, allOf(20), ran)
				r.Check(want{})
			})
		})
	}
}

// A Dispatch beside a large DispatchAll goes with the next request or two.
func TestT56DispatchBesideALargeBatch(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "a dispatch beside one of thousands"}, func(r *env) {
		const call = 20 * time.Millisecond
		r.server.Inject(sqstest.Fault{On: sqstest.OpSendMessageBatch, Do: sqstest.Delay(call)})
		done := make(chan struct{})
		go func() {
			defer close(done)
			r.fill(2000)
		}()
		for n := range 5 {
			time.Sleep(3 * call / 2)
			start := time.Now()
			r.dispatch(2000 + n)
			require.LessOrEqual(r, time.Since(start), 2*call+time.Millisecond)
		}
		<-done
		w := r.start(sqsx.WorkerConfig{Concurrency: 100})
		r.drain(allTimeout)
		w.stop()
		require.Equal(r, 2005, r.record.total())
		r.Check(want{})
	})
}

// A call that is refused as a whole for its size fails no innocent message.
func TestT57CallsRefusedForTheirSize(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sqstest.Effect{
		"by SQS":     sqstest.Error("AWS.SimpleQueueService.BatchRequestTooLong", "too long"),
		"by a proxy": sqstest.Status(413, "<html>too large</html>"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, setup{What: "calls refused for their size"}, func(r *env) {
				r.server.Inject(sqstest.Fault{
					On: sqstest.OpSendMessageBatch, If: func(request sqstest.Request) bool { return request.Entries > 3 }, Do: effect,
				})
				r.fill(100)
				r.runAll()
				require.Equal(r, 100, r.record.total())
				r.Check(want{})
			})
		})
	}
}
