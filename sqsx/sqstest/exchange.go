package sqstest

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// exchange takes a request to its answer, through the faults. It returns early
// when the request's context ends.
func (s *Server) exchange(r *http.Request) *reply {
	c, err := s.account.newCall(r)
	s.tally.request(c.name)
	request := c.request(r)
	faults := s.script.fire(request)
	answer := s.answer(r, c, err, request, faults)
	for _, f := range faults {
		if f.Do.wire != nil && answer.header != nil {
			f.Do.wire(answer)
		}
	}
	return answer
}

// answer is what comes of a call, before the wire.
func (s *Server) answer(r *http.Request, c *call, err error, request Request, faults []Fault) *reply {
	if instead := s.interfere(r, c, faults, false); instead != nil {
		return instead
	}
	if err != nil {
		return s.refuse(c, err)
	}
	out, err := s.perform(r.Context(), c, faults)
	if err != nil {
		return s.refuse(c, err)
	}
	s.tally.refusal(c.refused...)
	s.script.edit(s.account, c, request, out)
	answer := c.protocol.answer(c.name, out)
	if instead := s.interfere(r, c, faults, true); instead != nil {
		return instead
	}
	return answer
}

// interfere lets the faults of one side act, before or after the operation. It
// returns an answer to be given in place of the service's, or nil.
func (s *Server) interfere(r *http.Request, c *call, faults []Fault, after bool) *reply {
	for _, f := range faults {
		if f.After != after {
			continue
		}
		if err := s.delay(r.Context(), f.Do); err != nil {
			return &reply{err: err}
		}
		if f.Do.answer == nil {
			continue
		}
		if instead := f.Do.answer(c, r); instead != nil {
			return instead
		}
	}
	return nil
}

func (s *Server) delay(ctx context.Context, e Effect) error {
	if e.hang {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.account.closed:
			return http.ErrServerClosed
		}
	}
	if e.wait > 0 {
		return s.pause(ctx, e.wait)
	}
	return nil
}

// pause waits. It fails when the client or the server goes away.
func (s *Server) pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.account.closed:
		return http.ErrServerClosed
	case <-timer.C:
		return nil
	}
}

// perform applies the operation, with the faults that act inside it.
func (s *Server) perform(ctx context.Context, c *call, faults []Fault) (any, error) {
	orphan := false
	for _, f := range faults {
		if f.Do.entry != nil {
			entry := *f.Do.entry
			entry.after = f.After
			c.entryFaults = append(c.entryFaults, entry)
		}
		orphan = orphan || f.Do.orphan
	}
	if orphan {
		return s.performDetached(ctx, c)
	}
	return c.apply(ctx, c)
}

// performDetached applies an operation that goes on when the client has left.
func (s *Server) performDetached(ctx context.Context, c *call) (any, error) {
	type result struct {
		out any
		err error
	}
	done := make(chan result, 1)
	s.orphans.Go(func() {
		out, err := c.apply(context.WithoutCancel(ctx), c)
		done <- result{out, err}
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-done:
		return r.out, r.err
	}
}

// refuse answers with an error of the service and counts it if the client is
// to blame. Any other error ends the exchange without an answer.
func (s *Server) refuse(c *call, err error) *reply {
	api, ok := errors.AsType[*apiError](err)
	if !ok {
		return &reply{err: err}
	}
	if api.senderFault() {
		s.tally.refusal(api.code)
	}
	return c.protocol.refusal(api)
}
