package faults_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// sqsHost is the host name of the endpoint.
const sqsHost = "sqs.us-east-1.test"

// names resolves sqsHost, or not.
type names struct {
	mu      sync.Mutex
	address string
	err     error
}

func (n *names) set(address string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.address, n.err = address, err
}

func (n *names) lookUp() (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.address, n.err
}

// dial connects to the address that the name has now, or fails as a dialer does.
func (n *names) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	address, err := n.lookUp()
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// resolving is an in-process transport that looks the name up before each request.
type resolving struct {
	names *names
	next  http.RoundTripper
}

// RoundTrip fails as a dialer does when there is no address.
func (t resolving) RoundTrip(request *http.Request) (*http.Response, error) {
	if _, err := t.names.lookUp(); err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
	return t.next.RoundTrip(request)
}

func resolverFailures() map[string]error {
	return map[string]error{
		"NXDOMAIN": &net.DNSError{Err: "no such host", Name: sqsHost, IsNotFound: true},
		"SERVFAIL": &net.DNSError{Err: "server misbehaving", Name: sqsHost, IsTemporary: true},
		"timeout":  &net.DNSError{Err: "i/o timeout", Name: sqsHost, IsTimeout: true, IsTemporary: true},
	}
}

// Without an address for ten minutes: polls back off, handlers that run finish, and what they have done is not done again.
func TestT10NameResolution(t *testing.T) {
	t.Parallel()
	for name, failure := range resolverFailures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := &names{}
			s := setup{What: "NXDOMAIN, SERVFAIL and no answer of the resolver", Handle: halfMinute}
			s.Client = func(o *sqs.Options) {
				client, _ := o.HTTPClient.(*http.Client)
				o.HTTPClient = &http.Client{Transport: resolving{host, client.Transport}}
			}
			inBubble(t, s, func(r *rig) {
				r.fill(5)
				w := r.start(sqsx.WorkerConfig{})
				time.Sleep(time.Second)
				host.set("", failure)
				_, err := r.tryDispatch(500)
				require.Error(r, err)
				require.NotErrorIs(r, err, taskhawk.ErrOutcomeUnknown, "no connection, so nothing was sent")
				time.Sleep(10 * time.Minute)
				require.Equal(r, 5, r.book.total())
				for _, health := range w.Health() {
					require.LessOrEqual(r, health.Failures, 40, "backoff")
					require.GreaterOrEqual(r, health.Failures, 15)
				}
				host.set("", nil)
				r.drain(maxRecovery)
				w.stop()
				r.Check(want{})
			})
		})
	}
}

// The endpoint moves to another address while its name cannot be resolved for a moment.
func TestT10AddressChangeOverLoopback(t *testing.T) {
	t.Parallel()
	host := &names{}
	s := setup{What: "an endpoint that moves to another address", Loopback: true, Handle: func(context.Context, int) error {
		return nil
	}}
	transport := &http.Transport{DialContext: host.dial}
	t.Cleanup(transport.CloseIdleConnections)
	s.Client = func(o *sqs.Options) {
		if address, err := host.lookUp(); err == nil && address == "" {
			host.set(hostOf(aws.ToString(o.BaseEndpoint)), nil)
		}
		o.BaseEndpoint = aws.String("http://" + sqsHost)
		o.HTTPClient = &http.Client{Transport: transport}
	}
	r := newRig(t, s)
	moved := httptest.NewServer(r.server)
	t.Cleanup(moved.Close)
	r.fill(10)
	w := r.start(sqsx.WorkerConfig{WaitTime: time.Second})
	r.drain(time.Minute)

	host.set("", resolverFailures()["NXDOMAIN"])
	transport.CloseIdleConnections()
	r.await(time.Minute, "every poll has failed", func() bool {
		failing := 0
		for _, health := range w.Health() {
			failing += min(health.Failures, 1)
		}
		transport.CloseIdleConnections()
		return failing == 4
	})
	host.set(hostOf(moved.URL), nil)
	r.fill(10)
	r.drain(time.Minute)
	w.stop()
	require.Equal(r, 20, r.book.total())
	r.Check(want{})
}

// hostOf is the host and port of a URL.
func hostOf(url string) string { return url[len("http://"):] }
