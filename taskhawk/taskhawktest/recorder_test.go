package taskhawktest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/taskhawktest"
)

type emailArgs struct {
	To      string `validate:"required"`
	Subject string `taskhawk:"subject,kw,optional"`
}

var errDown = errors.New("the service is down")

// newEmail declares a task of a name, each test its own.
func newEmail(name string) *taskhawk.Task[emailArgs] { return taskhawk.New[emailArgs](name, nil) }

func TestRecordRemembersWhatIsDispatched(t *testing.T) {
	t.Parallel()
	email, other := newEmail("tasks.email"), taskhawk.New[struct{}]("tasks.other", nil)
	ctx, recorder := taskhawktest.Record(t)
	first, err := email.Dispatch(ctx, emailArgs{To: "a"}, taskhawk.WithPriority(taskhawk.High))
	require.NoError(t, err)
	_, err = other.Dispatch(ctx, struct{}{})
	require.NoError(t, err)
	ids, err := email.DispatchAll(ctx, []emailArgs{{To: "b"}, {To: "c", Subject: "s"}})
	require.NoError(t, err)

	require.Equal(t, []emailArgs{{To: "a"}, {To: "b"}, {To: "c", Subject: "s"}}, taskhawktest.Dispatched(t, recorder, email))
	require.Len(t, taskhawktest.Dispatched(t, recorder, other), 1)
	outs := recorder.Outgoing()
	require.Len(t, outs, 4)
	require.Equal(t, []string{outs[0].ID, outs[2].ID, outs[3].ID}, append([]string{first}, ids...))
	require.Equal(t, taskhawk.High, outs[0].Priority)
	outs[0] = nil
	require.NotNil(t, recorder.Outgoing()[0], "the slice is the caller's")

	recorder.Reset()
	require.Empty(t, recorder.Outgoing())
	require.Empty(t, taskhawktest.Dispatched(t, recorder, email))
	_, err = email.Dispatch(ctx, emailArgs{To: "d"})
	require.NoError(t, err)
	require.Equal(t, []emailArgs{{To: "d"}}, taskhawktest.Dispatched(t, recorder, email))
}

func TestRecordDispatchesTasksOfOtherHubsToo(t *testing.T) {
	t.Parallel()
	email := newEmail("tasks.email")
	ctx, recorder := taskhawktest.Record(t)
	_, err := email.Dispatch(ctx, emailArgs{To: "a"})
	require.NoError(t, err)
	require.Equal(t, []emailArgs{{To: "a"}}, taskhawktest.Dispatched(t, recorder, email))
}

func TestRecordersOfParallelTestsAreApart(t *testing.T) {
	t.Parallel()
	email := newEmail("tasks.email")
	for n := range 8 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			ctx, recorder := taskhawktest.Record(t)
			_, err := email.Dispatch(ctx, emailArgs{To: t.Name()})
			require.NoError(t, err)
			require.Equal(t, []emailArgs{{To: t.Name()}}, taskhawktest.Dispatched(t, recorder, email))
		})
	}
}

func TestFailMakesDispatchFail(t *testing.T) {
	t.Parallel()
	email := newEmail("tasks.email")
	ctx, recorder := taskhawktest.Record(t)
	recorder.Fail(errDown)
	_, err := email.Dispatch(ctx, emailArgs{To: "a"})
	require.ErrorIs(t, err, errDown)
	_, err = email.DispatchAll(ctx, []emailArgs{{To: "b"}, {To: "c"}})
	var batch *taskhawk.BatchError
	require.ErrorAs(t, err, &batch)
	require.Equal(t, map[int]error{0: errDown, 1: errDown}, batch.Failed)
	require.Empty(t, recorder.Outgoing(), "what failed is not recorded")

	recorder.Fail(nil)
	_, err = email.Dispatch(ctx, emailArgs{To: "d"})
	require.NoError(t, err)
	require.Len(t, recorder.Outgoing(), 1)
}

func TestTheZeroRecorderIsReadyAndSafe(t *testing.T) {
	t.Parallel()
	var recorder taskhawktest.Recorder
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				_ = recorder.Publish(t.Context(), &taskhawk.Outgoing{ID: "i"})
				_ = recorder.PublishBatch(t.Context(), []*taskhawk.Outgoing{{ID: "j"}, {ID: "k"}})
				recorder.Outgoing()
			}
		})
	}
	group.Wait()
	require.Len(t, recorder.Outgoing(), 8*50*3)
}

// fatalT is a test that notes its failure instead of failing.
type fatalT struct {
	testing.TB
	failure string
}

func (t *fatalT) Helper() {}

func (t *fatalT) Output() io.Writer { return io.Discard }

func (t *fatalT) Context() context.Context { return context.Background() }

func (t *fatalT) Fatalf(format string, args ...any) {
	t.failure = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// failureOf returns what test fails with.
func failureOf(test func(t testing.TB)) string {
	fake := &fatalT{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(fake)
	}()
	<-done
	return fake.failure
}

func TestDispatchedFailsTheTestForWhatAHandlerWouldRefuse(t *testing.T) {
	t.Parallel()
	email := newEmail("tasks.email")
	for name, c := range map[string]struct{ body, want string }{
		"unreadable":   {"{}", "taskhawktest: dispatch of tasks.email: not a taskhawk message: id is missing"},
		"does not fit": {wireBody(`[1]`), "taskhawktest: dispatch of tasks.email: arguments of tasks.email: "},
		"invalid":      {wireBody(`[""]`), "taskhawktest: dispatch of tasks.email: arguments of tasks.email: To breaks required"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var recorder taskhawktest.Recorder
			require.NoError(t, recorder.Publish(t.Context(), &taskhawk.Outgoing{Task: "tasks.email", Body: c.body}))
			failure := failureOf(func(t testing.TB) {
				t.Helper()
				taskhawktest.Dispatched(t, &recorder, email)
			})
			require.Contains(t, failure, c.want)
			require.Empty(t, taskhawktest.Dispatched(t, &recorder, newEmail("tasks.other")), "only this task is looked at")
		})
	}
}

func TestRecordLeavesTasksUnregistered(t *testing.T) {
	t.Parallel()
	email := newEmail("tasks.email")
	for range 3 {
		taskhawktest.Record(t)
	}
	_, err := email.Dispatch(t.Context(), emailArgs{})
	require.ErrorIs(t, err, taskhawk.ErrNoHub, "a test leaves nothing behind for the next one")
}

// wireBody is a message for tasks.email.
func wireBody(args string) string {
	return `{"id":"i","metadata":{"timestamp":1,"version":"1.0"},"task":"tasks.email","args":` + args + `}`
}
