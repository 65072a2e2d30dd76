package taskhawk_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/taskhawktest"
)

// fakeObserver keeps what it is told, and does what the test says meanwhile.
type fakeObserver struct {
	onCall, onEnd, onSettled func()

	mu          sync.Mutex
	calls, ends []string
	settlements []taskhawk.Settlement
}

func (o *fakeObserver) Call(
	ctx context.Context, call *taskhawk.Call,
) (context.Context, func(messages int, err error)) {
	o.note(&o.calls, call.Operation.String())
	do(o.onCall)
	return context.WithValue(ctx, ctxKey("observer"), call.Queue), func(messages int, err error) {
		o.note(&o.ends, fmt.Sprintf("%s: %d, %v", call.Operation, messages, err))
		do(o.onEnd)
	}
}

func (o *fakeObserver) Settled(_ context.Context, settlement *taskhawk.Settlement) {
	o.mu.Lock()
	o.settlements = append(o.settlements, *settlement)
	o.mu.Unlock()
	do(o.onSettled)
}

func (o *fakeObserver) note(list *[]string, line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	*list = append(*list, line)
}

func (o *fakeObserver) settled() []taskhawk.Settlement {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]taskhawk.Settlement(nil), o.settlements...)
}

func do(f func()) {
	if f != nil {
		f()
	}
}

// bubble runs test in a bubble, with an observer as transports call it.
func bubble(t *testing.T, observer *fakeObserver, test func(t *testing.T, guarded taskhawk.Observer, log *bytes.Buffer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		hub := newHub(t, taskhawk.Config{Observer: observer, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		test(t, hub.Observer(), &log)
		synctest.Wait()
	})
}

func TestObserverGivesACallItsValues(t *testing.T) {
	t.Parallel()
	observer := &fakeObserver{}
	bubble(t, observer, func(t *testing.T, guarded taskhawk.Observer, _ *bytes.Buffer) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		deadline, _ := ctx.Deadline()
		observed, end := guarded.Call(ctx, &taskhawk.Call{Operation: taskhawk.OperationDelete, Queue: "q"})
		require.Equal(t, "q", observed.Value(ctxKey("observer")))
		end(3, errDown)
		require.Equal(t, []string{"delete: 3, the service is down"}, observer.ends)

		kept, ok := observed.Deadline()
		require.True(t, ok)
		require.Equal(t, deadline, kept)
		cancel()
		require.ErrorIs(t, observed.Err(), context.Canceled)
	})
}

// endlessObserver returns a context that has lost the deadline.
type endlessObserver struct{ fakeObserver }

func (*endlessObserver) Call(context.Context, *taskhawk.Call) (context.Context, func(int, error)) {
	return context.Background(), nil
}

func TestObserverCannotChangeWhenACallEnds(t *testing.T) {
	t.Parallel()
	hub := newHub(t, taskhawk.Config{Observer: &endlessObserver{}})
	ctx, cancel := context.WithCancel(t.Context())
	observed, end := hub.Observer().Call(ctx, &taskhawk.Call{})
	cancel()
	require.ErrorIs(t, observed.Err(), context.Canceled)
	derived, stop := context.WithTimeout(observed, time.Hour)
	defer stop()
	<-derived.Done()
	end(0, nil)
}

func TestAPanickingObserverCostsTheObservation(t *testing.T) {
	t.Parallel()
	for reason, fail := range map[string]func(){
		"panic (string)": func() { panic("no") }, "the goroutine was ended by runtime.Goexit": runtime.Goexit,
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			observer := &fakeObserver{onCall: fail, onSettled: fail}
			bubble(t, observer, func(t *testing.T, guarded taskhawk.Observer, log *bytes.Buffer) {
				t.Helper()
				ctx, end := guarded.Call(t.Context(), &taskhawk.Call{})
				require.Equal(t, t.Context(), ctx)
				end(1, nil)
				guarded.Settled(t.Context(), &taskhawk.Settlement{})
				require.Len(t, observer.calls, 1)
				require.Len(t, observer.settled(), 1, "one that panics is called again")
				require.Empty(t, observer.ends)
				synctest.Wait()
				require.Equal(t, 1, bytes.Count(log.Bytes(), []byte("observer failed; some calls are not observed")), log)
				require.Contains(t, log.String(), `error="`+reason+`"`)
			})
		})
	}
}

func TestAnObserverThatHangsHoldsACallForAMoment(t *testing.T) {
	t.Parallel()
	observer := &fakeObserver{}
	bubble(t, observer, func(t *testing.T, guarded taskhawk.Observer, log *bytes.Buffer) {
		t.Helper()
		release := make(chan struct{}) // of the bubble
		observer.onCall = func() { <-release }
		start := time.Now()
		ctx, end := guarded.Call(t.Context(), &taskhawk.Call{Operation: taskhawk.OperationSend})
		require.Equal(t, 100*time.Millisecond, time.Since(start))
		require.Equal(t, t.Context(), ctx)

		_, skipped := guarded.Call(t.Context(), &taskhawk.Call{Operation: taskhawk.OperationReceive})
		guarded.Settled(t.Context(), &taskhawk.Settlement{})
		skipped(1, nil)
		require.Equal(t, 100*time.Millisecond, time.Since(start), "nothing else waits for it")
		require.Empty(t, observer.settled())
		end(2, nil)
		synctest.Wait()
		require.Empty(t, observer.ends)
		require.Contains(t, log.String(), "the observer did not return within 100ms")

		close(release)
		synctest.Wait()
		require.Equal(t, []string{"send"}, observer.calls)
		require.Equal(t, []string{"send: 2, <nil>"}, observer.ends, "what began late is ended")
		guarded.Settled(t.Context(), &taskhawk.Settlement{})
		require.Len(t, observer.settled(), 1, "it is called again")
	})
}

func TestAnObserverThatHangsAtTheEndHoldsACallForAMoment(t *testing.T) {
	t.Parallel()
	observer := &fakeObserver{onEnd: func() { time.Sleep(time.Second) }}
	bubble(t, observer, func(t *testing.T, guarded taskhawk.Observer, _ *bytes.Buffer) {
		t.Helper()
		start := time.Now()
		_, end := guarded.Call(t.Context(), &taskhawk.Call{})
		end(0, nil)
		require.Equal(t, 100*time.Millisecond, time.Since(start))
		time.Sleep(time.Second)
		_, end = guarded.Call(t.Context(), &taskhawk.Call{})
		require.Len(t, observer.calls, 2)
		end(0, nil)
		time.Sleep(time.Second)
	})
}

func TestAHubWithoutAnObserverHasNone(t *testing.T) {
	t.Parallel()
	require.Nil(t, newHub(t, taskhawk.Config{}).Observer())
	var none *fakeObserver
	_, err := taskhawk.NewHub(taskhawk.Config{Observer: none})
	require.ErrorContains(t, err, "nil *taskhawk_test.fakeObserver")
}

// Transports without a worker report what they settled: a message that is not done at its
// last attempt becomes a dead letter.
func TestObserverSeesDeadLettersOfOtherTransports(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // an observer has 100 ms
		for name, c := range map[string]struct {
			handled error
			done    bool
			attempt int
			letter  bool
		}{
			"done":                  {done: true, attempt: 5},
			"ignored, not deleted":  {handled: taskhawk.Ignore(errTest), attempt: 5},
			"retried":               {handled: errTest, attempt: 4},
			"at its last attempt":   {handled: errTest, attempt: 5, letter: true},
			"for good":              {handled: taskhawk.Permanent(errTest), done: true, attempt: 1, letter: true},
			"for good, not stored":  {handled: taskhawk.Permanent(errTest), attempt: 1},
			"for good, at its last": {handled: taskhawk.Permanent(errTest), attempt: 5, letter: true},
		} {
			observer := &fakeObserver{}
			hub := newHub(t, taskhawk.Config{Observer: observer})
			d := delivery("t", "")
			d.Attempt, d.MaxAttempts = c.attempt, 5
			hub.Settled(t.Context(), d, c.handled, c.done, nil)
			require.Len(t, observer.settled(), 1)
			require.Equal(t, c.letter, observer.settled()[0].DeadLetter, name)
		}
	})
}

// observe replaces the hub of w by one with the observer, and returns a context that
// dispatches through it.
func (w *workerTest) observe(observer taskhawk.Observer) context.Context {
	w.hub = newHub(w, taskhawk.Config{Publisher: w.memory, Tasks: []taskhawk.AnyTask{w.number}, Observer: observer})
	return taskhawk.ContextWithHub(w.Context(), w.hub)
}

func TestObserverSeesHowEachMessageIsSettled(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want taskhawk.Settlement
	}{
		"done":      {nil, taskhawk.Settlement{Outcome: taskhawk.Outcome{Action: taskhawk.ActionDelete}}},
		"retry":     {errTest, taskhawk.Settlement{Outcome: taskhawk.Outcome{Action: taskhawk.ActionRetry}}},
		"permanent": {taskhawk.Permanent(errTest), taskhawk.Settlement{Outcome: taskhawk.Outcome{Action: taskhawk.ActionDeadLetter}, DeadLetter: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, observer := newWorkerTest(t, func(context.Context, int) error { return c.err }), &fakeObserver{}
				ctx := w.observe(observer)
				w.start(w.memory.Queues(), taskhawk.WorkerConfig{})
				_, err := w.number.Dispatch(ctx, numberArgs{}, taskhawk.WithPriority(taskhawk.Low))
				require.NoError(t, err)
				time.Sleep(time.Second)
				require.Len(t, observer.settled(), 1)
				s := observer.settled()[0]
				require.Equal(t, c.want.Outcome.Action, s.Outcome.Action)
				require.Equal(t, c.want.DeadLetter, s.DeadLetter)
				s.Outcome, s.DeadLetter = taskhawk.Outcome{}, false
				require.Equal(t, taskhawk.Settlement{
					Task: "tests.number", Registered: true, Priority: taskhawk.Low, Queue: "memory-low", Attempt: 1,
				}, s)
				w.cancel()
				<-w.done
			})
		})
	}
}

func TestObserverSeesTheLastAttemptAndUnknownTasks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, observer := newWorkerTest(t, succeed), &fakeObserver{}
		w.memory = taskhawktest.NewMemory(taskhawktest.MemoryConfig{MaxReceiveCount: 1})
		ctx := w.observe(observer)
		w.start(w.memory.Queues(), taskhawk.WorkerConfig{})
		unknown := taskhawk.New[numberArgs]("tests.unknown", nil)
		sender := newHub(t, taskhawk.Config{Publisher: w.memory, Tasks: []taskhawk.AnyTask{unknown}})
		_, err := unknown.Dispatch(taskhawk.ContextWithHub(ctx, sender), numberArgs{})
		require.NoError(t, err)
		require.NoError(t, w.memory.Publish(ctx, &taskhawk.Outgoing{Body: "{", Priority: taskhawk.High}))
		time.Sleep(time.Second)
		var known, unread taskhawk.Settlement
		for _, s := range observer.settled() {
			if s.Task == "" {
				unread = s
			} else {
				known = s
			}
		}
		require.Equal(t, "tests.unknown", known.Task)
		require.False(t, known.Registered)
		require.True(t, known.DeadLetter, "its queue takes one delivery")
		require.Equal(t, taskhawk.High, unread.Priority, "that of the queue")
		require.False(t, unread.Registered)
		w.cancel()
		<-w.done
	})
}

func TestObserverSeesSettlementsThatFailAndLostLeases(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, observer := newWorkerTest(t, succeed), &fakeObserver{}
		ctx := w.observe(observer)
		q := &brokenQueue{Queue: w.memory.Queues(taskhawk.Default)[0]}
		fail := func() error { return errTest }
		q.settle.Store(&fail)
		w.start([]taskhawk.Queue{q}, taskhawk.WorkerConfig{})
		_, err := w.number.Dispatch(ctx, numberArgs{})
		require.NoError(t, err)
		time.Sleep(time.Second)
		require.Len(t, observer.settled(), 1)
		require.ErrorIs(t, observer.settled()[0].Err, errTest)
		w.cancel()
		<-w.done
	})
	synctest.Test(t, func(t *testing.T) {
		observer := &fakeObserver{}
		w := newWorkerTest(t, func(ctx context.Context, _ int) error {
			<-ctx.Done()
			return nil
		})
		ctx := w.observe(observer)
		w.start([]taskhawk.Queue{&lostQueue{Queue: w.memory.Queues(taskhawk.Default)[0]}}, taskhawk.WorkerConfig{})
		_, err := w.number.Dispatch(ctx, numberArgs{})
		require.NoError(t, err)
		time.Sleep(25 * time.Second)
		settled := observer.settled()
		require.Len(t, settled, 1, "once, and not again when its handler returns")
		require.True(t, settled[0].Lost)
		require.Equal(t, "tests.number", settled[0].Task)
		w.cancel()
		<-w.done
	})
}

// lostQueue loses every lease that is extended.
type lostQueue struct{ taskhawk.Queue }

func (*lostQueue) SetVisibility(context.Context, *taskhawk.Delivery, time.Duration) error {
	return taskhawk.ErrVisibilityLost
}

func TestObserverSeesSyncRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // an observer has 100 ms
		observer := &fakeObserver{}
		task := taskhawk.New("tests.number", func(_ context.Context, args numberArgs) error {
			return []error{nil, taskhawk.Ignore(errTest), taskhawk.Permanent(errTest)}[args.N]
		})
		newHub(t, taskhawk.Config{Sync: true, Tasks: []taskhawk.AnyTask{task}, Observer: observer})
		_, err := task.DispatchAll(t.Context(), []numberArgs{{0}, {1}, {2}})
		require.ErrorIs(t, err, errTest)
		settled := observer.settled()
		require.Len(t, settled, 3)
		for i, action := range []taskhawk.Action{taskhawk.ActionDelete, taskhawk.ActionDelete, taskhawk.ActionDeadLetter} {
			require.Equal(t, action, settled[i].Outcome.Action)
			require.True(t, settled[i].Registered)
			require.False(t, settled[i].DeadLetter, "there is no queue")
		}
	})
}

// Polls, heartbeats and the stop go on while an observer hangs for ever.
func TestWorkerOutlivesAnObserverThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		observer := &fakeObserver{onSettled: func() { <-release }}
		w := newWorkerTest(t, succeed)
		ctx := w.observe(observer)
		w.start(w.memory.Queues(), taskhawk.WorkerConfig{Concurrency: 1})
		args := make([]numberArgs, 50)
		_, err := w.number.DispatchAll(ctx, args)
		require.NoError(t, err)
		time.Sleep(time.Second)
		require.Len(t, w.runs(), 50)
		w.requireEmpty()
		start := time.Now()
		w.cancel()
		require.NoError(t, <-w.done)
		require.Less(t, time.Since(start), 21*time.Second, "the running polls end by themselves")
		close(release)
		synctest.Wait()
	})
}
