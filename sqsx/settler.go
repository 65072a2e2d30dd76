package sqsx

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Settler settles messages that others received, above all Lambda: lambdax.WithVisibility takes one. It changes visibility timeouts, and puts
// messages on the dead-letter queue of the queue that they came from, in requests that concurrent calls share. It is safe for
// concurrent use, and keeps nothing of a message when its call has returned.
//
// It needs sqs:GetQueueUrl and sqs:ChangeMessageVisibility on the queues, sqs:DeleteMessage for dead letters, and sqs:GetQueueUrl and
// sqs:SendMessage on the dead-letter queues: see [RoleFunction]. The queues are those of the caller's own account.
type Settler struct {
	service *service

	mu     sync.Mutex
	queues map[string]*settlements
}

var _ taskhawk.Settler = (*Settler)(nil)

// NewSettler makes a settler for deliveries of any queue. It makes no call: queue URLs are looked up when they are first needed, once each.
func NewSettler(api API) (*Settler, error) {
	if api == nil {
		return nil, errors.New("sqsx: new settler: nil API")
	}
	return &Settler{service: newService(api), queues: map[string]*settlements{}}, nil
}

// SetVisibility changes the visibility timeout of the message, 0 to 12 h, in whole seconds, rounded up. The error wraps
// taskhawk.ErrVisibilityLost when the message is no longer in flight with this receipt handle.
func (s *Settler) SetVisibility(ctx context.Context, d *taskhawk.Delivery, timeout time.Duration) error {
	return s.of(d).SetVisibility(ctx, d, timeout)
}

// DeadLetter sends the message to the dead-letter queue, with task, reason and attempt as attributes beside its own, and deletes it only when
// that has stored it. A crash in between leaves a copy on both queues and loses none.
func (s *Settler) DeadLetter(ctx context.Context, d *taskhawk.Delivery, letter taskhawk.DeadLetter) error {
	return s.of(d).DeadLetter(ctx, d, letter)
}

// Stats counts the requests of this settler. It may be called at any time, concurrently.
func (s *Settler) Stats() RequestStats { return s.service.counts.stats() }

func (s *Settler) of(d *taskhawk.Delivery) *settlements {
	s.mu.Lock()
	defer s.mu.Unlock()
	queue, ok := s.queues[d.Queue]
	if !ok {
		queue = newSettlements(s.service, d.Queue, 0, maxCalls)
		s.queues[d.Queue] = queue
	}
	return queue
}
