package taskhawktest

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Recorder is a publisher that sends nothing and remembers everything. The zero value is
// ready; it is safe for concurrent use.
type Recorder struct {
	mu   sync.Mutex
	outs []*taskhawk.Outgoing
	err  error
}

var _ taskhawk.BatchPublisher = (*Recorder)(nil)

// Record returns a context in which every task dispatches to a new recorder, regardless
// of its hub, for tests of code that dispatches. Each test has a separate context, so
// tests may run in parallel although tasks are package variables.
//
// At most one config is given: the configuration of the program, for its effects on a
// dispatch, such as DefaultHeaders. Its Publisher, Tasks and Sync are ignored: every task
// is recorded, and no test leaves a task registered.
func Record(t testing.TB, config ...taskhawk.Config) (context.Context, *Recorder) {
	t.Helper()
	var program taskhawk.Config
	switch len(config) {
	case 0:
	case 1:
		program = config[0]
	default:
		t.Fatalf("taskhawktest: Record takes one Config at most, not %d", len(config))
	}
	recorder := &Recorder{}
	program.Publisher, program.Tasks, program.Sync = recorder, nil, false
	hub, err := taskhawk.NewHub(program)
	if err != nil {
		t.Fatalf("taskhawktest: %v", err)
	}
	return taskhawk.ContextWithHub(t.Context(), hub), recorder
}

// Publish remembers the message, or returns the error given to Fail.
func (r *Recorder) Publish(_ context.Context, out *taskhawk.Outgoing) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	r.outs = append(r.outs, out)
	return nil
}

// PublishBatch remembers the messages, or returns the error given to Fail for each.
func (r *Recorder) PublishBatch(ctx context.Context, outs []*taskhawk.Outgoing) []error {
	errs := make([]error, len(outs))
	for i, out := range outs {
		errs[i] = r.Publish(ctx, out)
	}
	return errs
}

// Fail makes all later dispatches fail with err and record nothing. Fail(nil) ends that.
func (r *Recorder) Fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

// Outgoing returns the dispatched messages, in order, with ids, headers, priorities and
// the wire JSON. The slice is the caller's.
func (r *Recorder) Outgoing() []*taskhawk.Outgoing {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.outs)
}

// Reset forgets all dispatched messages.
func (r *Recorder) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outs = nil
}

// Dispatched returns the arguments of each dispatch of the task, in order, as a handler
// would get them. It fails the test if some do not bind or are not valid.
func Dispatched[Args any](t testing.TB, recorder *Recorder, task *taskhawk.Task[Args]) []Args {
	t.Helper()
	var all []Args
	for _, out := range recorder.Outgoing() {
		if out.Task != task.Name() {
			continue
		}
		msg, err := taskhawk.ParseMessage(out.Body)
		if err != nil {
			t.Fatalf("taskhawktest: dispatch of %s: %v", out.Task, err)
		}
		args, err := task.Bind(msg)
		if err != nil {
			t.Fatalf("taskhawktest: dispatch of %s: %v", out.Task, err)
		}
		all = append(all, args)
	}
	return all
}
