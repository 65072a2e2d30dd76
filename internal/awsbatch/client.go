package awsbatch

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// HTTPClient is the interface by which the SDK sends requests.
type HTTPClient interface {
	// Do makes a request, as http.Client has it.
	Do(req *http.Request) (*http.Response, error)
}

// Once returns the retryer and the HTTP client for a call of the SDK that is one attempt.
// They replace those of the client's options.
//
// The retryer makes no second attempt, and keeps the rate limit of the adaptive mode. A
// mere RetryMaxAttempts of 1 would add "exceeded maximum number of attempts, 1" to the
// error of each attempt.
//
// The client tells [Run] and [Retry] whether the SDK got as far as to send the request. It
// also keeps the SDK from closing the body of the request before net/http has read it to
// its end. The SDK closes the body when the answer arrives. If net/http then still reads
// the body, it closes the connection, and the next request on that connection fails with
// "use of closed network connection". The body is in memory, so nothing stays open.
func Once(ctx context.Context, retryer aws.Retryer, client HTTPClient) (aws.Retryer, HTTPClient) {
	p, _ := ctx.Value(progressKey{}).(*progress)
	if p == nil {
		p = &progress{} // the caller does not ask
	}
	p.prepared.Store(true)
	if limited, ok := retryer.(aws.RetryerV2); ok {
		return oneAttempt{limited}, shielded{client, p}
	}
	return aws.NopRetryer{}, shielded{client, p}
}

// oneAttempt is a retryer without retries.
type oneAttempt struct{ aws.RetryerV2 }

// MaxAttempts returns 1.
func (oneAttempt) MaxAttempts() int { return 1 }

// IsErrorRetryable returns false.
func (oneAttempt) IsErrorRetryable(error) bool { return false }

type shielded struct {
	client HTTPClient
	*progress
}

// Do makes the request. It replaces the body in req, since the SDK closes req.Body.
func (s shielded) Do(req *http.Request) (*http.Response, error) {
	s.sent.Store(true)
	if req.Body != nil {
		req.Body = io.NopCloser(req.Body)
	}
	return s.client.Do(req)
}

// progress records how far the SDK got with an attempt.
type progress struct {
	prepared atomic.Bool // the SDK uses the HTTP client of Once
	sent     atomic.Bool // and has passed it the request
}

type progressKey struct{}

// withProgress returns a context by which [Once] finds the progress.
func withProgress(ctx context.Context) (context.Context, *progress) {
	p := &progress{}
	return context.WithValue(ctx, progressKey{}, p), p
}

// mark wraps the error of an attempt that failed before the SDK sent the request. Only
// clients that apply the options of a call are known to send nothing.
func (p *progress) mark(err error) error {
	if err == nil || !p.prepared.Load() || p.sent.Load() {
		return err
	}
	return &unsentError{err}
}

// unsentError is the error of an attempt that sent nothing: the SDK had no credentials or
// no endpoint, or its context had ended.
type unsentError struct{ err error }

// Error returns the text of the error of the SDK.
func (e *unsentError) Error() string { return e.err.Error() }

// Unwrap returns the error of the SDK.
func (e *unsentError) Unwrap() error { return e.err }

// isUnsent reports whether an attempt certainly sent nothing.
func isUnsent(err error) bool {
	_, ok := errors.AsType[*unsentError](err)
	return ok
}
