package sqstest

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// offlineURL is the URL of a server without a socket. It looks like loopback, and nothing
// listens there: a client that connects to it is refused.
const offlineURL = "http://127.0.0.1:1"

// Server is an SQS, an SNS and an EventBridge Scheduler service in this process. All its
// methods can be called concurrently. It is an http.Handler too, so a test can mount it
// anywhere.
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

// inBubble reports whether the caller runs in a synctest bubble. Its clock begins with the
// year 2000, but may be far from that. The runtime names the bubble of a goroutine in the
// first line of its stack.
func inBubble() bool {
	stack := make([]byte, 128)
	line, _, _ := strings.Cut(string(stack[:runtime.Stack(stack, false)]), "\n")
	return time.Now().Year() < 2001 || strings.Contains(line, "synctest bubble")
}

// Start makes the server listen on a free port of 127.0.0.1. The paths of existing queue
// URLs stay valid. It panics if the server was started or closed before, and within a
// synctest bubble, where sockets do not work.
func (s *Server) Start() {
	if s.listener != nil || s.isClosed() {
		panic("sqstest: the server was started or closed before") //nolint:forbidigo // a mistake in the test
	}
	if inBubble() {
		//nolint:forbidigo // a mistake in the test
		panic("sqstest: a server with a socket hangs within a synctest bubble: " +
			"use NewUnstartedServer, and its Client or HTTPClient")
	}
	s.listener = httptest.NewServer(s)
	s.transport = &http.Transport{MaxIdleConns: 0, MaxIdleConnsPerHost: 256}
	s.URL = s.listener.URL
	s.account.mu.Lock()
	defer s.account.mu.Unlock()
	s.account.baseURL = s.URL
}

// Close ends parked polls and the contexts of functions, waits for them and for the
// requests in progress, and closes all connections, including connections of clients that
// Client made. Later in-process requests fail with a refused connection. Close may be
// called more than once.
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

// ServeHTTP answers one request: AWS JSON 1.0 for SQS, AWS Query for SNS, AWS REST JSON
// for EventBridge Scheduler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Only browsers send Origin. A page of another site could post a form to SNS without
	// permission.
	if r.Header.Get("Origin") != "" {
		http.Error(w, "sqstest: requests of web pages are refused", http.StatusForbidden)
		return
	}
	pause := func(d time.Duration) error { return s.pause(r.Context(), d) }
	s.exchange(r).write(w, pause)
}

// accessKey is the access key of clients that the server makes.
const accessKey = "AKIDSQSTEST"

// Client returns an SDK client of this server's SQS, with static credentials, the
// region us-east-1 and otherwise the SDK's defaults: over the loopback when the
// server is started, in process when it is not. The options come last and win.
func (s *Server) Client(optFns ...func(*sqs.Options)) *sqs.Client {
	return sqs.New(sqs.Options{
		BaseEndpoint: aws.String(s.URL),
		Region:       region,
		Credentials:  credentials.NewStaticCredentialsProvider(accessKey, "secret", ""),
		HTTPClient:   s.ownClient(),
	}, optFns...)
}

// SNSClient returns an SDK client of this server's SNS, configured as in Client.
func (s *Server) SNSClient(optFns ...func(*sns.Options)) *sns.Client {
	return sns.New(sns.Options{
		BaseEndpoint: aws.String(s.URL),
		Region:       region,
		Credentials:  credentials.NewStaticCredentialsProvider(accessKey, "secret", ""),
		HTTPClient:   s.ownClient(),
	}, optFns...)
}

// HTTPClient returns an HTTP client whose requests this server answers in the calling
// goroutine, regardless of their URL: no sockets, no goroutines. Use it as the HTTPClient
// of an aws.Config, of sqs.Options, of sns.Options and of scheduler.Options.
//
// As with a real connection, a request whose context ends returns the error of that
// context at once, even during a long poll. Its changes on the server remain: messages it
// received stay in flight.
func (s *Server) HTTPClient() *http.Client {
	return &http.Client{Transport: inProcess{s}}
}

func (s *Server) isClosed() bool { return s.account.isClosed() }

// ownClient calls the server over the loopback when it is started, else in process.
func (s *Server) ownClient() *http.Client {
	if s.listener != nil {
		return &http.Client{Transport: s.transport}
	}
	return s.HTTPClient()
}

// inProcess is the RoundTripper that calls the server.
type inProcess struct{ server *Server }

// RoundTrip answers the request.
func (t inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body == nil {
		req.Body = http.NoBody
	}
	defer func() { _ = req.Body.Close() }()
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	if t.server.isClosed() {
		return nil, connectionError("dial", "connect", syscall.ECONNREFUSED)
	}
	answer := t.server.exchange(req)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	pause := func(d time.Duration) error { return t.server.pause(req.Context(), d) }
	return answer.response(req, pause)
}

// connectionError returns the error that a TCP connection would give.
func connectionError(op, call string, errno syscall.Errno) error {
	return &net.OpError{Op: op, Net: "tcp", Err: os.NewSyscallError(call, errno)}
}

// exchange answers a request, with faults applied. It returns early when the request's
// context ends.
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

// answer returns the reply to a call.
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

// interfere applies the faults before or after the operation. It returns a reply that
// replaces the reply of the service, or nil.
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

// performDetached applies an operation that continues after the client has left.
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

// refuse answers with an error of the service and counts it if the client caused it. Any
// other error ends the exchange without an answer.
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

// asAPIError converts err to an error of the service.
func asAPIError(err error) *apiError {
	if api, ok := errors.AsType[*apiError](err); ok {
		return api
	}
	return newError("InternalError", "%v", err)
}

const (
	accountID = "000000000000"
	region    = "us-east-1"
	arnPrefix = "arn:aws:sqs:" + region + ":" + accountID + ":"
)

// account holds the queues and topics of a server. No goroutine works on them: settle
// applies what is due (visibility timeouts, delays, retention, move tasks) at the start
// of each operation. Only functions run in goroutines.
type account struct {
	receiptKey []byte
	closed     chan struct{}  // closed when the server closes
	parked     atomic.Int64   // polls that wait now
	runs       sync.WaitGroup // of functions

	mu          sync.Mutex
	baseURL     string // of the queue URLs
	maxInFlight int
	keyOf       func(body string) string
	queues      map[string]*queue    // by name
	topics      map[string]*topic    // by name
	functions   map[string]Function  // by ARN
	deleted     map[string]time.Time // when a queue of that name was deleted
	tasks       []*moveTask          // newest last
	sequence    uint64               // of the message accepted last
	journal     journal

	schedules      map[string]*schedule // by group and name, with a slash between
	scheduleGroups map[string]bool
}

func newAccount() *account {
	a := &account{
		receiptKey: make([]byte, 32), closed: make(chan struct{}), maxInFlight: defaultMaxInFlight,
		queues: map[string]*queue{}, deleted: map[string]time.Time{}, journal: journal{limit: defaultLedgerLimit},
		topics: map[string]*topic{}, functions: map[string]Function{},
		schedules: map[string]*schedule{}, scheduleGroups: map[string]bool{defaultGroup: true},
	}
	_, _ = rand.Read(a.receiptKey) // never fails, says its documentation
	return a
}

// queue finds a queue by its URL. Only the path counts, so that a server can
// stand behind a proxy.
func (a *account) queue(queueURL string) (*queue, error) {
	name, err := queueName(queueURL)
	if err != nil {
		return nil, err
	}
	q := a.queues[name]
	if q == nil {
		return nil, errQueueDoesNotExist()
	}
	return q, nil
}

// isClosed reports whether the server is closed.
func (a *account) isClosed() bool {
	select {
	case <-a.closed:
		return true
	default:
		return false
	}
}

// queueName returns the name in a queue URL, whose path is the account number and the
// name.
func queueName(queueURL string) (string, error) {
	u, err := url.Parse(queueURL)
	if err != nil || u.Host == "" {
		return "", newError("InvalidAddress", "The queue URL is not a URL with a host.")
	}
	owner, name, found := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if !found || name == "" || strings.Contains(name, "/") {
		return "", newError("InvalidAddress", "The path of the queue URL is not /account/name.")
	}
	if owner != accountID {
		return "", errQueueDoesNotExist()
	}
	return name, nil
}

// queueByARN finds a queue by its ARN, or nil.
func (a *account) queueByARN(arn string) *queue {
	name, ok := strings.CutPrefix(arn, arnPrefix)
	if !ok {
		return nil
	}
	return a.queues[name]
}

// settle applies everything that is due by now.
func (a *account) settle(now time.Time) {
	a.settleSchedules(now)
	for _, q := range a.queues {
		a.settleQueue(q, now)
	}
	a.settleTasks(now)
}

func (a *account) settleQueue(q *queue, now time.Time) {
	for m := q.waiting.first(); m != nil && !m.visibleAt.After(now); m = q.waiting.first() {
		a.reappear(q, m)
	}
	retention := q.settings.seconds("MessageRetentionPeriod")
	for m := q.aging.first(); m != nil && !m.retainedSince.Add(retention).After(now); m = q.aging.first() {
		q.take(m)
		a.record(Expired, q, m, m.retainedSince.Add(retention))
	}
}

// reappear makes a delayed or in-flight message visible when it is due.
func (a *account) reappear(q *queue, m *message) {
	was := m.state
	q.lift(m)
	q.show(m)
	if was == inFlight {
		a.record(Returned, q, m, m.visibleAt)
	}
}
