package faults_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// connections counts the TCP connections of a client.
type connections struct {
	transport http.Transport
	open      atomic.Int64
	most      atomic.Int64
}

func newConnections() *connections {
	c := &connections{}
	c.transport = http.Transport{DialContext: c.dial, MaxIdleConnsPerHost: 10, IdleConnTimeout: 90 * time.Second} // as the SDK's own
	return c
}

func (c *connections) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	open := c.open.Add(1)
	for most := c.most.Load(); open > most && !c.most.CompareAndSwap(most, open); most = c.most.Load() {
	}
	return &countedConn{Conn: conn, count: c}, nil
}

// use makes an SDK client use the counted connections.
func (c *connections) use(o *sqs.Options) { o.HTTPClient = &http.Client{Transport: &c.transport} }

// countedConn takes itself off the count when it is closed.
type countedConn struct {
	net.Conn

	count *connections
	once  sync.Once
}

// Close closes the connection.
func (c *countedConn) Close() error {
	c.once.Do(func() { c.count.open.Add(-1) })
	return c.Conn.Close()
}

// descriptors is how many files this process has open, sockets included; 0 where the system does not tell.
func descriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}

func TestT46TenThousandPublishersAndTasksInFlight(t *testing.T) {
	t.Parallel()
	crowd := sized(1_000, 10_000)
	conns := newConnections()
	arrived, all := atomic.Int64{}, make(chan struct{})
	r := newRig(t, setup{
		What: "thousands publish through one client and are in flight at once", Loopback: true, Client: conns.use,
		Handle: func(context.Context, int) error {
			if arrived.Add(1) == int64(crowd) {
				close(all)
			}
			<-all
			return nil
		},
	})
	t.Cleanup(conns.transport.CloseIdleConnections)
	start, before := time.Now(), descriptors()
	var publishers sync.WaitGroup
	for n := range crowd {
		publishers.Go(func() {
			if _, err := r.tryDispatch(n); err != nil {
				r.Errorf("dispatch %d: %v", n, err)
			}
		})
	}
	publishers.Wait()
	require.Equal(r, crowd, r.left())
	require.LessOrEqual(r, r.publisher.Stats().Sends.Calls, int64(crowd/5), "they share requests")
	published := time.Since(start)

	w := r.start(sqsx.WorkerConfig{
		Priorities: []taskhawk.Priority{taskhawk.Default}, Concurrency: crowd, WaitTime: time.Second, VisibilityTimeout: 5 * time.Minute,
	})
	r.drain(3 * time.Minute)
	opened := descriptors() - before
	w.stop()
	r.notef("%d published in %s, in flight and done after %s, %d connections", crowd, published, time.Since(start), conns.most.Load())
	require.LessOrEqual(r, conns.most.Load(), int64(2048), "the limit of the SDK's own HTTP client")
	require.LessOrEqual(r, opened, 1024, "files opened, on both sides of the connections")
	require.Equal(r, crowd, r.book.total())
	r.Check(want{})
}
