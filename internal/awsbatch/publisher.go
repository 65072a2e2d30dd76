package awsbatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/groupcommit"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

const (
	// MaxCalls is how many full batches may be in flight at once for one queue or topic:
	// SQS answers in some 10 ms, so that is up to 8,000 messages a second.
	MaxCalls = 8
	// Patience is how long a message waits for a call in flight before another call
	// begins. A call takes some 10 to 20 ms, unless it hangs.
	Patience = 50 * time.Millisecond
)

// Config has the differences between the publishers of SQS and SNS. E is a message ready
// to send.
type Config[E groupcommit.Item] struct {
	// Names are the names of the queues or topics.
	Names map[taskhawk.Priority]string
	// Limits are the limits of the service.
	Limits Limits
	// Linger is how long the first message of a batch waits for others.
	Linger time.Duration
	// Entry returns a message ready to send. The entry has a group only if the group
	// orders messages: on a FIFO queue or topic.
	Entry func(m Message, fifo bool) E
	// Calls returns the function that makes calls, with retries, to the queue or topic
	// of that name.
	Calls func(name string) func(ctx context.Context, entries []E, done func(err error, items ...int))
	// Wrap adds the name of the queue or topic to an error.
	Wrap func(name string, err error) error
}

// Publisher puts messages on the queues or topics of an application, in calls that
// concurrent callers share.
type Publisher[E groupcommit.Item] struct {
	config  Config[E]
	targets map[taskhawk.Priority]*target[E]
}

// target is where the messages for one queue or topic gather.
type target[E groupcommit.Item] struct {
	name   string
	fifo   bool
	commit *groupcommit.Committer[E]
}

// NewPublisher makes a publisher.
func NewPublisher[E groupcommit.Item](config Config[E]) (*Publisher[E], error) {
	if config.Linger < 0 {
		return nil, fmt.Errorf("negative Linger %s", config.Linger)
	}
	if err := config.Limits.Check(); err != nil {
		return nil, err
	}
	p := &Publisher[E]{config: config, targets: map[taskhawk.Priority]*target[E]{}}
	for priority, name := range config.Names {
		p.targets[priority] = p.target(name)
	}
	return p, nil
}

func (p *Publisher[E]) target(name string) *target[E] {
	return &target[E]{
		name: name,
		fifo: IsFIFO(name),
		commit: groupcommit.New(groupcommit.Config[E]{
			Commit:   p.config.Calls(name),
			MaxItems: MaxEntries,
			MaxBytes: p.config.Limits.MaxSize,
			MaxCalls: MaxCalls,
			Patience: Patience,
			MaxWait:  AllTimeout,
			Linger:   func(time.Duration) time.Duration { return p.config.Linger },
		}),
	}
}

// Publish implements taskhawk.Publisher.
func (p *Publisher[E]) Publish(ctx context.Context, out *taskhawk.Outgoing) error {
	t, e, err := p.entry(out)
	if err != nil {
		return err
	}
	return p.wrap(t, t.commit.Do(ctx, e))
}

// PublishBatch implements taskhawk.BatchPublisher.
func (p *Publisher[E]) PublishBatch(ctx context.Context, outs []*taskhawk.Outgoing) []error {
	sends, refused := make([]groupcommit.Send[E], len(outs)), make([]error, len(outs))
	targets, failed := make([]*target[E], len(outs)), map[string]bool{}
	for i, out := range outs {
		t, e, err := p.entry(out)
		key := ""
		if t != nil && t.fifo {
			key = t.name + " " + out.Group
		}
		switch {
		case err == nil && failed[key]:
			// Keep the order: the caller may send the refused message again.
			err = p.wrap(t, groupcommit.ErrHeldBack)
		case err == nil:
			sends[i] = groupcommit.Send[E]{Through: t.commit, Item: e}
		case key != "":
			failed[key] = true
		}
		targets[i], refused[i] = t, err
	}
	errs := groupcommit.DoAll(ctx, sends)
	for i, err := range errs {
		errs[i] = refused[i]
		if refused[i] == nil {
			errs[i] = p.wrap(targets[i], err)
		}
	}
	return errs
}

// Name returns the name of the queue or topic of a priority, "" for none.
func (p *Publisher[E]) Name(priority taskhawk.Priority) string { return p.config.Names[priority] }

// entry returns the entry of a message, and the target that sends it.
func (p *Publisher[E]) entry(out *taskhawk.Outgoing) (t *target[E], e E, err error) {
	t = p.targets[out.Priority]
	if t == nil {
		return nil, e, fmt.Errorf("%w: %s", taskhawk.ErrUnknownPriority, out.Priority)
	}
	m, err := p.config.Limits.Message(out, t.fifo)
	if err != nil {
		return t, e, err
	}
	return t, p.config.Entry(m, t.fifo), nil
}

// wrap converts the error of a message to an error of the core, with its queue or topic.
func (p *Publisher[E]) wrap(t *target[E], err error) error {
	if err == nil {
		return nil
	}
	return p.config.Wrap(t.name, CoreError(err))
}

// CoreError converts the error of a committer to an error of the core.
func CoreError(err error) error {
	switch {
	case errors.Is(err, groupcommit.ErrHeldBack):
		return taskhawk.ErrHeldBack
	case errors.Is(err, groupcommit.ErrAbandoned):
		return fmt.Errorf("%w: %w", taskhawk.ErrOutcomeUnknown, err)
	}
	return err
}
