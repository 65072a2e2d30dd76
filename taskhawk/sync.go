package taskhawk

import (
	"context"
	"time"
)

// syncPublisher runs what is dispatched at once, by the same way in as any other delivery.
type syncPublisher struct{ hub *Hub }

func (p syncPublisher) Publish(ctx context.Context, out *Outgoing) error {
	err := p.hub.Handle(ctx, &Delivery{Body: out.Body, MessageID: out.ID, Attempt: 1, Received: time.Now()})
	if OutcomeOf(err).Action == ActionDelete {
		return nil
	}
	return err
}
