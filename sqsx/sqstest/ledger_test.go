package sqstest_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

func kinds(events []sqstest.Event) []sqstest.Kind {
	var out []sqstest.Kind
	for _, e := range events {
		out = append(out, e.Kind)
	}
	return out
}

func TestLifeOfAMessage(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		start := time.Now()
		dead := f.queue("dlq", "MessageRetentionPeriod", "3600")
		url := f.queue("jobs", "RedrivePolicy", redriveTo("dlq", "2"))
		id := *f.send(url, "a").MessageId
		m := f.receiveOne(url)
		require.NoError(f, f.changeVisibility(url, m.ReceiptHandle, 10*time.Second))
		time.Sleep(20 * time.Second)
		f.receiveOne(url)
		f.delete(url, m.ReceiptHandle)
		time.Sleep(time.Minute)
		require.Empty(f, f.receive(url))
		f.receiveOne(dead, func(in *sqs.ReceiveMessageInput) { in.VisibilityTimeout = 43_200 })
		time.Sleep(time.Hour)
		events := f.Ledger().Of(id)
		require.Equal(f, []sqstest.Kind{
			sqstest.Accepted, sqstest.Received, sqstest.VisibilityChanged, sqstest.Returned, sqstest.Received,
			sqstest.DeleteIgnored, sqstest.Returned, sqstest.DeadLettered, sqstest.Received, sqstest.Expired,
		}, kinds(events))
		at := func(i int) time.Duration { return events[i].Time.Sub(start) }
		require.Equal(f, 10*time.Second, at(3), "when it came back, not when somebody looked")
		require.Equal(f, 50*time.Second, at(6))
		require.Equal(f, time.Hour, at(9))
		require.Equal(f, "jobs", events[7].Queue)
		require.Equal(f, "dlq", events[8].Queue)
		require.Equal(f, 3, events[8].Receives)
	})
}

func TestEventsAreInOrderOfTime(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		a, b := f.queue("a", "VisibilityTimeout", "20"), f.queue("b", "VisibilityTimeout", "10")
		f.send(a, "a")
		f.send(b, "b")
		f.receiveOne(a)
		f.receiveOne(b)
		time.Sleep(time.Minute)
		f.Ledger().Note(sqstest.Started, "x")
		events := f.Ledger().Events()
		for i := range events[1:] {
			require.False(f, events[i+1].Time.Before(events[i].Time))
		}
		require.Equal(f, sqstest.Started, events[len(events)-1].Kind)
	})
}

func TestLedgerIsBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.LimitLedger(3)
	url := f.queue("jobs")
	for i := range 5 {
		f.send(url, strconv.Itoa(i))
	}
	ledger := f.Ledger()
	require.Len(t, ledger.Events(), 3)
	require.Equal(t, 5, ledger.Count(sqstest.Accepted), "counts stay exact")
	require.Equal(t, 2, ledger.Dropped())
	require.False(t, ledger.Audit().Complete)
	last := f.Queue("jobs").Messages[4].ID
	require.Equal(t, last, ledger.Events()[2].MessageID)
	f.LimitLedger(1)
	require.Equal(t, last, ledger.Events()[0].MessageID)
	require.Equal(t, 4, ledger.Dropped())
	f.LimitLedger(0)
	f.send(url, "5")
	require.Empty(t, ledger.Events())
	ledger.Reset()
	require.Zero(t, ledger.Count(sqstest.Accepted))
	require.Zero(t, ledger.Dropped())
}

func TestKindsHaveNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for kind := sqstest.Accepted; kind <= sqstest.Succeeded; kind++ {
		require.NotContains(t, kind.String(), "?")
		seen[kind.String()] = true
	}
	require.Len(t, seen, int(sqstest.Succeeded))
	require.Equal(t, "Kind(?)", sqstest.Kind(0).String())
}

// work receives all there is once, notes a run of each, and deletes those for
// which done is true.
func (f *fixture) work(url string, done func(body string) bool) {
	f.Helper()
	for _, m := range f.receive(url) {
		f.Ledger().Note(sqstest.Started, *m.Body)
		if done(*m.Body) {
			f.Ledger().Note(sqstest.Succeeded, *m.Body)
			f.delete(url, m.ReceiptHandle)
		}
	}
}

func TestAuditOfACleanRun(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		f.KeyBy(func(body string) string { return body })
		f.queue("dlq")
		url := f.queue("jobs", "RedrivePolicy", redriveTo("dlq", "1"))
		for i := range 5 {
			f.send(url, strconv.Itoa(i))
		}
		f.work(url, func(body string) bool { return body != "3" })
		time.Sleep(time.Minute)
		require.Empty(f, f.receive(url))
		f.send(url, "later")
		audit := f.Ledger().Audit()
		require.Equal(f, sqstest.Audit{
			Complete: true, Accepted: 6, Deleted: 4, Left: 1, Dead: 1, Started: 5,
			PeakInFlight: map[string]int{"jobs": 5, "dlq": 0},
		}, audit)
	})
}

func TestAuditFindsWhatWentWrong(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		f.KeyBy(func(body string) string { return body })
		url := f.queue("jobs", "MessageRetentionPeriod", "60")
		f.send(url, "lost")
		time.Sleep(time.Minute)
		f.send(url, "premature")
		f.delete(url, f.receiveOne(url).ReceiptHandle)
		f.send(url, "twice for no reason")
		f.work(url, func(string) bool { return true })
		f.Ledger().Note(sqstest.Started, "twice for no reason")
		audit := f.Ledger().Audit()
		require.Equal(f, []string{"lost"}, audit.Lost)
		require.Equal(f, []string{"premature"}, audit.Premature)
		require.Equal(f, []string{"twice for no reason"}, audit.Unexplained)
		require.Equal(f, 1, audit.Repeats)
	})
}

func TestAuditExplainsRepeats(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		f.KeyBy(func(body string) string { return body })
		url := f.queue("jobs")
		never, always := func(string) bool { return false }, func(string) bool { return true }
		f.Inject(sqstest.Fault{On: sqstest.OpSendMessage, Nth: 1, After: true, Do: sqstest.Error("InternalError", "lost")})
		f.send(url, "stored twice")
		f.work(url, always)
		f.send(url, "timed out")
		f.work(url, never)
		time.Sleep(30 * time.Second)
		f.work(url, always)
		f.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Nth: 1, Do: sqstest.Redeliver()})
		f.send(url, "redelivered")
		f.work(url, never)
		f.work(url, always)
		audit := f.Ledger().Audit()
		require.Equal(f, 3, audit.Repeats)
		require.Empty(f, audit.Unexplained)
		require.Empty(f, audit.Lost)
		require.Zero(f, audit.Left)
	})
}

func TestAuditWithoutNotes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs")
	f.send(url, "a")
	f.delete(url, f.receiveOne(url).ReceiptHandle)
	require.Empty(t, f.Ledger().Audit().Premature, "without notes nothing is known of handlers")
}
