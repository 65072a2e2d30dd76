package main

import (
	"context"
	"net"
	"net/http"
	"time"
)

const (
	readTimeout  = 5 * time.Second  // for a request
	drainTimeout = 10 * time.Second // for the requests that run when the service stops
)

// serve serves HTTP until ctx ends, and then lets the requests that run come to their
// end. Requests have the values of ctx, but not its end.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	base := context.WithoutCancel(ctx)
	server := &http.Server{
		Handler: handler, ReadTimeout: readTimeout,
		BaseContext: func(net.Listener) context.Context { return base },
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(base, drainTimeout)
	defer cancel()
	return server.Shutdown(drain)
}
