package sqsx

import (
	"context"
	"fmt"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/attempts"
	"github.com/taskhawk/taskhawk-go/internal/groupcommit"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// settlements settles the messages of one queue, in requests that they share.
type settlements struct {
	service *service
	queue   string
	deletes *groupcommit.Committer[string]
	changes *groupcommit.Committer[visibility]
}

// newSettlements makes up to so many calls that change visibility timeouts at once.
func newSettlements(service *service, queue string, linger time.Duration, changeCalls int) *settlements {
	return &settlements{
		service: service, queue: queue,
		deletes: shared(service, linger, maxCalls, func(ctx context.Context, receipts []string) []error {
			return service.remove(ctx, queue, receipts)
		}),
		changes: shared(service, 0, changeCalls, func(ctx context.Context, changes []visibility) []error {
			return service.change(ctx, queue, changes)
		}),
	}
}

// settleLinger is the most that a settlement waits for others, unless Linger says so: it waits half as long as the last request
// took, so that handlers that end at different times still share one.
const settleLinger = 10 * time.Millisecond

func shared[T any](
	service *service, linger time.Duration, calls int, commit func(context.Context, []T) []error,
) *groupcommit.Committer[T] {
	config := groupcommit.Config[T]{
		Commit: commit, MaxItems: attempts.MaxEntries, MaxCalls: calls, Patience: patience, Linger: linger,
		Go: service.calls.Go,
	}
	if linger == 0 {
		config.Linger, config.Adapt = settleLinger, true
	}
	return groupcommit.New(config)
}

// Delete takes the message off the queue, in one request with others. Only the last receipt handle of a message does that
// for certain.
func (s *settlements) Delete(ctx context.Context, d *taskhawk.Delivery) error {
	return s.deletes.Do(ctx, d.Receipt)
}

// SetVisibility changes the visibility timeout of the message, in whole seconds, rounded up, in one request with others.
func (s *settlements) SetVisibility(ctx context.Context, d *taskhawk.Delivery, timeout time.Duration) error {
	if timeout < 0 || timeout > MaxVisibility {
		return fmt.Errorf("visibility timeout %s: SQS takes 0 to %s", timeout, MaxVisibility)
	}
	err := s.changes.Do(ctx, visibility{receipt: d.Receipt, timeout: timeout})
	if lost(err) {
		err = fmt.Errorf("%w: %w", taskhawk.ErrVisibilityLost, err)
	}
	return err
}
