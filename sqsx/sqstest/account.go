package sqstest

import (
	"crypto/rand"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	accountID = "000000000000"
	region    = "us-east-1"
	arnPrefix = "arn:aws:sqs:" + region + ":" + accountID + ":"
)

// account holds the queues and topics of a server. No goroutine works on them:
// what is due (visibility timeouts, delays, retention, move tasks) is made up for
// at the start of each operation, by settle. Only functions run by themselves.
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
}

func newAccount() *account {
	a := &account{
		receiptKey: make([]byte, 32), closed: make(chan struct{}), maxInFlight: defaultMaxInFlight,
		queues: map[string]*queue{}, deleted: map[string]time.Time{}, journal: journal{limit: defaultLedgerLimit},
		topics: map[string]*topic{}, functions: map[string]Function{},
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

// isClosed says whether the server is closed.
func (a *account) isClosed() bool {
	select {
	case <-a.closed:
		return true
	default:
		return false
	}
}

// queueName is the name in a queue URL, whose path is the account's number and
// the name.
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

// settle makes up for all that was due until now.
func (a *account) settle(now time.Time) {
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

// reappear makes a delayed or in-flight message visible at its instant.
func (a *account) reappear(q *queue, m *message) {
	was := m.state
	q.lift(m)
	q.show(m)
	if was == inFlight {
		a.record(Returned, q, m, m.visibleAt)
	}
}
