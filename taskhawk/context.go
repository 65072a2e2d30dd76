package taskhawk

import "context"

// scope is what this package keeps in a context: which hub dispatches, and for a handler the delivery it runs for.
type scope struct {
	hub      *Hub
	delivery *Delivery
	metadata Metadata
}

type scopeKey struct{}

func scopeFrom(ctx context.Context) *scope {
	s, _ := ctx.Value(scopeKey{}).(*scope)
	return s
}

// ContextWithHub returns a context in which every Dispatch goes through hub, whichever hubs the task is registered
// with. Tests use it to give each test a hub of its own; programs with several hubs use it to choose one.
// The context of a running handler names the hub that runs it already.
func ContextWithHub(ctx context.Context, hub *Hub) context.Context {
	next := scope{hub: hub}
	if s := scopeFrom(ctx); s != nil {
		next.delivery, next.metadata = s.delivery, s.metadata
	}
	return context.WithValue(ctx, scopeKey{}, &next)
}

// HubFrom returns the hub that ctx names: the one that runs the current handler, or that of [ContextWithHub];
// nil when it names none.
func HubFrom(ctx context.Context) *Hub {
	if s := scopeFrom(ctx); s != nil {
		return s.hub
	}
	return nil
}

// DeliveryFrom returns the delivery that the current handler runs for, and nil outside of a handler.
// Transports use it to give handlers the raw message; see sqsx.MessageFrom.
func DeliveryFrom(ctx context.Context) *Delivery {
	if s := scopeFrom(ctx); s != nil {
		return s.delivery
	}
	return nil
}
