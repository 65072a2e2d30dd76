package sqstest

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// offlineURL is the URL of a server without a socket. It looks like loopback,
// and nothing listens there: a client that takes it for real is refused.
const offlineURL = "http://127.0.0.1:1"

// Server is an SQS and an SNS service in this process. All its methods can be called
// concurrently. It is an http.Handler too, to be mounted wherever a test wants
// it.
//
// Inside a testing/synctest bubble, make the server in the bubble and leave it
// unstarted: its time is then the bubble's, and sockets do not work there.
type Server struct {
	// URL is the endpoint, without a slash at its end. It is set by NewServer
	// and Start; on an unstarted server it is a fixed address where nothing
	// listens. Queue URLs begin with it.
	URL string

	account   *account
	tally     tally
	script    script
	listener  *httptest.Server
	transport *http.Transport // of loopback clients
	closeOnce sync.Once
	orphans   sync.WaitGroup // polls whose client has left, see OrphanPoll
}

// NewServer starts a server on a free port of 127.0.0.1. The caller must call
// Close when done.
func NewServer() *Server {
	s := NewUnstartedServer()
	s.Start()
	return s
}

// NewUnstartedServer returns a server without a socket: Client and HTTPClient
// call it in process. Start gives it a socket.
func NewUnstartedServer() *Server {
	s := &Server{URL: offlineURL, account: newAccount()}
	s.account.baseURL = s.URL
	return s
}

// Start makes the server listen on a free port of 127.0.0.1. Queues that exist
// keep their URLs, whose paths stay good. It panics if the server was started
// or closed before.
func (s *Server) Start() {
	if s.listener != nil || s.isClosed() {
		panic("sqstest: the server was started or closed before") //nolint:forbidigo // a mistake in the test
	}
	s.listener = httptest.NewServer(s)
	s.transport = &http.Transport{MaxIdleConns: 0, MaxIdleConnsPerHost: 256}
	s.URL = s.listener.URL
	s.account.mu.Lock()
	defer s.account.mu.Unlock()
	s.account.baseURL = s.URL
}

// Close ends parked polls and the contexts of functions, waits for these and the requests under way, and closes all
// connections, also those of clients that Client made. Later in-process
// requests fail as refused connections do. Close may be called more than once.
func (s *Server) Close() {
	s.closeOnce.Do(func() {
		s.account.mu.Lock()
		close(s.account.closed)
		s.account.mu.Unlock()
		if s.listener != nil {
			s.transport.CloseIdleConnections()
			s.listener.Close()
			s.transport.CloseIdleConnections()
		}
		s.orphans.Wait()
		s.account.runs.Wait()
	})
}

// ServeHTTP answers one request: of the AWS JSON 1.0 protocol for SQS, of the AWS
// Query protocol for SNS.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	pause := func(d time.Duration) error { return s.pause(r.Context(), d) }
	s.exchange(r).write(w, pause)
}

func (s *Server) isClosed() bool { return s.account.isClosed() }
