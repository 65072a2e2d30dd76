package taskhawk

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/guard"
)

// Dispatch sends the task to run with args, and returns the id of the run once the
// service has stored it.
//
// Dispatch makes all checks that need no network before it sends. Their errors are
// [*ValidationError] for a `validate` tag, [*ArgumentError] for arguments that do not
// convert, [ErrHeader], [ErrUnknownPriority] and [ErrNoHub]. An error of the publisher
// means that the message is not stored, or not known to be. If it may be stored, repeat
// with WithID and the returned id, which is empty only if nothing was sent.
//
// In Sync mode the task has run when Dispatch returns, and its error is the handler's.
func (t *Task[Args]) Dispatch(ctx context.Context, args Args, options ...DispatchOption) (string, error) {
	var p prepared
	err := t.prepare(ctx, &p, &args, 0, options)
	if err == nil && p.hub.publisher == nil {
		err = ErrNoPublisher
		p.end(err)
	}
	if err != nil {
		return "", fmt.Errorf("taskhawk: dispatch %s: %w", t.Name(), err)
	}
	err = p.hub.publisher.Publish(p.ctx, p.out)
	p.end(err)
	if err != nil {
		return p.out.ID, fmt.Errorf("taskhawk: dispatch %s: %w", t.Name(), err)
	}
	return p.out.ID, nil
}

// prepared is a message that is ready to send.
type prepared struct {
	hub    *Hub // nil if it cannot be sent
	out    *Outgoing
	ctx    context.Context //nolint:containedctx // of the send that follows
	ends   []func(error)   // of its middleware
	chosen bool            // the user chose the id
}

// Seal does a dispatch without the send. It merges the options and the headers of the
// hub, validates args, and returns the message that Dispatch would give to the publisher.
// Use it to send a task later or in another way, as package sqsx/schedule does. The hub
// needs no publisher. Seal does not check the limits of a service.
//
// Seal calls dispatch middleware, which gets a nil error when the message is sealed. Seal
// returns the errors that Dispatch returns before it sends.
func (t *Task[Args]) Seal(ctx context.Context, args Args, options ...DispatchOption) (*Outgoing, error) {
	var p prepared
	if err := t.prepare(ctx, &p, &args, 0, options); err != nil {
		return nil, fmt.Errorf("taskhawk: seal %s: %w", t.Name(), err)
	}
	p.end(nil)
	return p.out, nil
}

// errNoneSent is the error of a correct entry beside an incorrect one.
var errNoneSent = errors.New("not sent, since another entry is invalid")

// DispatchAll sends the task once for each element of args, in batches if the publisher
// has them (SQS: ten a call). It returns the ids in the order of args. It checks all
// elements before it sends any.
//
// If some could not be sent, the error is a [*BatchError] that has them by index, and
// the others are stored. If one is invalid, none is sent, and the error has all of them.
func (t *Task[Args]) DispatchAll(ctx context.Context, args []Args, options ...DispatchOption) ([]string, error) {
	if len(args) == 0 {
		return nil, nil
	}
	all := make([]prepared, len(args))
	failed := map[int]error{}
	ids := map[string]bool{}
	for i := range args {
		if err := t.prepare(ctx, &all[i], &args[i], i, options); err != nil {
			failed[i] = err
			continue
		}
		if !all[i].chosen {
			continue // a new UUID
		}
		if ids[all[i].out.ID] {
			failed[i] = errors.New("another entry has the same id: use WithIDs")
		}
		ids[all[i].out.ID] = true
	}
	if len(failed) > 0 {
		for i := range args {
			if failed[i] == nil {
				failed[i] = errNoneSent
			}
			if all[i].hub != nil {
				all[i].end(failed[i])
			}
		}
		return nil, &BatchError{Task: t.Name(), Total: len(args), Failed: failed}
	}
	if all[0].hub.publisher == nil {
		for i := range all {
			all[i].end(ErrNoPublisher)
		}
		return nil, fmt.Errorf("taskhawk: dispatch %s: %w", t.Name(), ErrNoPublisher)
	}
	return t.publishAll(ctx, all)
}

func (t *Task[Args]) publishAll(ctx context.Context, all []prepared) ([]string, error) {
	ids := make([]string, len(all))
	failed := map[int]error{}
	for i, err := range publishBatch(ctx, all) {
		ids[i] = all[i].out.ID
		all[i].end(err)
		if err != nil {
			failed[i] = err
		}
	}
	if len(failed) > 0 {
		return ids, &BatchError{Task: t.Name(), Total: len(all), Failed: failed}
	}
	return ids, nil
}

// publishBatch sends messages of one hub in batches if its publisher can, otherwise one
// by one.
func publishBatch(ctx context.Context, all []prepared) []error {
	publisher := all[0].hub.publisher
	batcher, ok := publisher.(BatchPublisher)
	if !ok {
		errs := make([]error, len(all))
		for i := range all {
			errs[i] = publisher.Publish(all[i].ctx, all[i].out)
		}
		return errs
	}
	outs := make([]*Outgoing, len(all))
	for i := range all {
		outs[i] = all[i].out
	}
	return batcher.PublishBatch(ctx, outs)
}

// prepare does the part of a dispatch that needs no network. i is its index in its call.
func (t *Task[Args]) prepare(
	ctx context.Context,
	p *prepared,
	args *Args,
	i int,
	options []DispatchOption,
) (err error) {
	p.ctx = ctx
	defer p.finish(&err)
	if ctx.Err() != nil {
		return fmt.Errorf("not sent: %w", context.Cause(ctx))
	}
	if p.hub, err = t.identity.hub(ctx); err != nil {
		return err
	}
	set := t.settings.with(options)
	if err := set.checkDispatch(); err != nil {
		return err
	}
	if t.check != nil {
		if err := t.check(args); err != nil {
			return err
		}
	}
	var id string
	if id, p.chosen, err = set.newID(i); err != nil {
		return err
	}
	return t.seal(p, args, set, id, i)
}

// finish is deferred by prepare. It recovers from DefaultHeaders, validators and methods
// such as MarshalJSON, which are the user's. A message that failed has no hub, and its
// middleware has the error.
func (p *prepared) finish(err *error) {
	setPanic(err, recover())
	if *err == nil {
		return
	}
	*err = guard.Error(*err)
	p.end(*err)
	p.hub = nil
}

// seal merges the headers of a message, calls its middleware, and writes its body.
func (t *Task[Args]) seal(p *prepared, args *Args, set *dispatchSettings, id string, i int) error {
	headers := set.headers
	if p.hub.defaultHeaders != nil {
		headers = maps.Clone(p.hub.defaultHeaders(p.ctx, t.Name())).merge(headers)
	}
	if len(p.hub.dispatching) != 0 {
		d := &Dispatch{
			ID: id, Task: t.Name(), Priority: set.priority, Delay: set.delay, Group: set.group,
			DeduplicationID: set.deduplicationID, Index: i, headers: headers,
		}
		p.begin(d)
		headers = d.headers
	}
	out, err := t.encode(args, set, id, headers, set.keywords(p.hub))
	if err != nil {
		return err
	}
	out.observer = p.hub.observer
	p.out = out
	return nil
}

// syncPublisher runs each dispatched task at once, through Hub.Handle like any other
// delivery.
type syncPublisher struct{ hub *Hub }

func (p syncPublisher) Publish(ctx context.Context, out *Outgoing) error {
	d := &Delivery{Body: out.Body, MessageID: out.ID, Attempt: 1, Received: time.Now()}
	err := p.hub.Handle(ctx, d)
	p.hub.Settled(ctx, d, err, OutcomeOf(err).Action == ActionDelete, nil)
	if OutcomeOf(err).Action == ActionDelete {
		return nil
	}
	return err
}

// BatchError is the error of a DispatchAll with failed entries.
type BatchError struct {
	// Task is the name of the task.
	Task string
	// Total is how many entries there were.
	Total int
	// Failed has the error of each entry that failed, by its index in the slice given to
	// DispatchAll.
	Failed map[int]error
}

// Error counts the failed entries and shows the first.
func (e *BatchError) Error() string {
	first := e.first()
	return fmt.Sprintf("taskhawk: dispatch %s: %d of %d failed, first [%d]: %v",
		e.Task, len(e.Failed), e.Total, first, e.Failed[first])
}

// Unwrap returns the errors of the entries in index order, for errors.Is and errors.As.
func (e *BatchError) Unwrap() []error {
	errs := make([]error, 0, len(e.Failed))
	for _, i := range slices.Sorted(maps.Keys(e.Failed)) {
		errs = append(errs, e.Failed[i])
	}
	return errs
}

// first returns the index of the first entry that failed by itself.
func (e *BatchError) first() int {
	indexes := slices.Sorted(maps.Keys(e.Failed))
	for _, i := range indexes {
		if e.Failed[i] != errNoneSent && !errors.Is(e.Failed[i], ErrHeldBack) { //nolint:errorlint // set as it is
			return i
		}
	}
	return indexes[0]
}
