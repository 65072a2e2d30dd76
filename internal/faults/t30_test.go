package faults_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// long is a handler that takes its time, and minds its context.
func long(d time.Duration) func(context.Context, int) error {
	return func(ctx context.Context, _ int) error {
		if succeedAfter(ctx, d) == toSucceed {
			return nil
		}
		return context.Cause(ctx)
	}
}

// onlyDefault is a worker on one queue.
func onlyDefault() sqsx.WorkerConfig {
	return sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Default}}
}

// named gives a client a name of its own, for by.
func named(accessKey string) func(o *sqs.Options) {
	return func(o *sqs.Options) {
		o.Credentials = credentials.NewStaticCredentialsProvider(accessKey, canaryKey, canaryToken)
	}
}

// by makes a fault act on the requests of one client.
func by(accessKey string) func(sqstest.Request) bool {
	return func(request sqstest.Request) bool { return request.AccessKeyID == accessKey }
}

func TestT30HandlerOutlastsItsVisibility(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "a handler of half an hour, visibility 30 s", Handle: long(30 * time.Minute)}, func(r *rig) {
		beats := r.watch(sqstest.OpChangeMessageVisibilityBatch)
		config := onlyDefault()
		config.Concurrency = 20 // whichever of the two workers a task comes to, it starts at once
		w, other := r.start(config), r.start(config)
		r.fill(20)
		require.LessOrEqual(r, r.drain(time.Hour), 31*time.Minute)
		w.stop()
		other.stop()
		require.Equal(r, 20, r.book.total(), "one run each")
		for _, gap := range beats.gaps("") {
			require.Less(r, gap, 30*time.Second)
		}
		r.Check(want{})
	})
}

// outages are the ways in which heartbeats can stop to work, and how long a claim lives on.
func outages() map[string]sqstest.Effect {
	return map[string]sqstest.Effect{
		"503":        sqstest.Status(http.StatusServiceUnavailable, ""),
		"silence":    sqstest.Silence(),
		"reset":      sqstest.Reset(),
		"throttled":  sqstest.Error("RequestThrottled", "slow down"),
		"entries":    sqstest.FailEntries("InternalError", false),
		"no answers": sqstest.OmitEntries(),
	}
}

func TestT30HeartbeatsStop(t *testing.T) {
	t.Parallel()
	for name, effect := range outages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var lost time.Time
			var cause error
			handle := func(ctx context.Context, n int) error {
				if n == 0 && taskhawk.MetadataFrom(ctx).Attempt == 1 {
					<-ctx.Done()
					lost, cause = time.Now(), context.Cause(ctx)
					time.Sleep(time.Minute) // somebody else is done with it by then
				}
				return nil
			}
			inBubble(t, setup{What: "heartbeats stop to work", Handle: handle}, func(r *rig) {
				w := r.startWith(r.newClient(named("CUT-OFF")), onlyDefault())
				r.dispatch(0)
				start := time.Now()
				time.Sleep(20 * time.Second)
				fault := r.server.Inject(sqstest.Fault{On: sqstest.OpChangeMessageVisibilityBatch, If: by("CUT-OFF"), Do: effect})
				// It gets no more messages either, or the one that it holds might come back to it.
				r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, If: by("CUT-OFF"), Do: sqstest.Reset()})
				other := r.start(onlyDefault())
				end := start.Add(45 * time.Second) // of the claim: the heartbeat after 15 s worked
				time.Sleep(20 * time.Minute)
				w.stop()
				other.stop()
				require.Positive(r, fault.Fired())
				require.ErrorIs(r, cause, taskhawk.ErrVisibilityLost)
				require.WithinRange(r, lost, end.Add(-time.Second), end.Add(time.Second))
				requireOneDelete(r)
				r.Check(want{Duplicates: 1, Refused: map[string]int{"InternalError": 99}})
			})
		})
	}
}

// requireOneDelete wants the message deleted by who had the claim on it, and by no dead receipt handle.
func requireOneDelete(r *rig) {
	r.Helper()
	ledger := r.server.Ledger()
	require.Equal(r, 1, ledger.Count(sqstest.Deleted))
	require.Zero(r, ledger.Count(sqstest.DeleteIgnored))
	require.Equal(r, 1, r.server.Requests(sqstest.OpDeleteMessageBatch))
	require.Equal(r, 2, ledger.Count(sqstest.Received))
}

// Another consumer gets the message although it is held: SQS says so at the next heartbeat.
func TestT30ClaimTaken(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "another consumer has the message", Handle: long(10 * time.Minute)}, func(r *rig) {
		r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Nth: 1, Do: sqstest.StaleReceipts()})
		r.dispatch(0)
		w := r.start(sqsx.WorkerConfig{})
		start := time.Now()
		r.await(time.Minute, "the claim is lost", func() bool { return w.Stats().LostClaims == 1 })
		require.LessOrEqual(r, time.Since(start), 16*time.Second, "at the first heartbeat")
		time.Sleep(time.Hour)
		w.stop()
		require.Equal(r, 2, r.book.runs(0))
		require.Zero(r, r.server.Ledger().Count(sqstest.DeleteIgnored))
		r.Check(want{Refused: map[string]int{"MessageNotInflight": 1}})
	})
}

// Twelve hours after its receive SQS takes a message back whatever was asked for.
func TestT30TwelveHours(t *testing.T) {
	t.Parallel()
	handle := func(ctx context.Context, _ int) error {
		if taskhawk.MetadataFrom(ctx).Attempt > 1 {
			return nil
		}
		return long(13*time.Hour)(ctx, 0)
	}
	inBubble(t, setup{What: "a handler of 13 hours", Handle: handle}, func(r *rig) {
		config := onlyDefault()
		config.VisibilityTimeout = 10 * time.Minute
		w := r.start(config)
		r.dispatch(0)
		start := time.Now()
		r.await(13*time.Hour, "the claim is lost", func() bool { return w.Stats().LostClaims == 1 })
		require.WithinRange(r, time.Now(), start.Add(12*time.Hour-time.Second), start.Add(12*time.Hour+time.Minute))
		time.Sleep(time.Hour)
		w.stop()
		require.Equal(r, 2, r.book.runs(0))
		require.Len(r, r.sink.lines("the claim on a message is lost, it will be delivered again"), 1)
		r.Check(want{})
	})
}
