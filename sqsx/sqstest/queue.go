package sqstest

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"time"
)

// queue is one queue. The account's lock guards it.
type queue struct {
	id   string // new for each creation, so that old receipt handles are refused
	name string
	url  string
	arn  string
	fifo bool

	settings settings
	redrive  redrivePolicy // parsed from settings
	allow    *allowPolicy  // parsed from settings
	tags     map[string]string
	created  time.Time
	modified time.Time
	purgedAt time.Time

	messages     map[string]*message      // by message id
	groups       map[string]*messageGroup // by message group
	waiting      timeline
	aging        timeline
	counts       [3]int // messages by state
	peakInFlight int

	deduplication deduplication[message]
	attempts      map[string]attempt // ReceiveRequestAttemptId, FIFO only
	wake          chan struct{}      // closed and replaced when a parked poll should look again
}

func newQueue(name, baseURL string, now time.Time) *queue {
	return &queue{
		id: newID(), name: name, url: queueURL(baseURL, name), arn: arnPrefix + name,
		fifo: isFIFOName(name), created: now, modified: now,
		tags: map[string]string{}, messages: map[string]*message{}, groups: map[string]*messageGroup{},
		waiting: timeline{kind: waiting}, aging: timeline{kind: aging},
		attempts: map[string]attempt{}, wake: make(chan struct{}),
	}
}

func queueURL(baseURL, name string) string { return baseURL + "/" + accountID + "/" + name }

func isFIFOName(name string) bool { return strings.HasSuffix(name, fifoSuffix) }

// put stores a message that becomes visible at visibleAt, or at once if that is not after
// now.
func (q *queue) put(m *message, visibleAt, now time.Time) {
	q.messages[m.id] = m
	q.aging.add(m)
	m.group = q.groupOf(m)
	m.group.members++
	if visibleAt.After(now) {
		q.hide(m, delayed, visibleAt)
	} else {
		q.show(m)
	}
	q.signal()
}

// groupOf returns the group of a message, and creates it for the first message.
func (q *queue) groupOf(m *message) *messageGroup {
	l := q.groups[m.groupID]
	if l == nil {
		l = newMessageGroup(m.groupID)
		q.groups[m.groupID] = l
	}
	return l
}

// show puts a message on the ready timeline. Until then it is only on the aging one.
func (q *queue) show(m *message) {
	m.state = visible
	q.counts[visible]++
	m.group.ready.add(m)
}

// hide puts a message on the waiting timeline. Until then it is only on the aging one.
func (q *queue) hide(m *message, why state, until time.Time) {
	m.state = why
	m.visibleAt = until
	q.counts[why]++
	q.waiting.add(m)
	if why == inFlight {
		m.group.inFlight++
		q.peakInFlight = max(q.peakInFlight, q.counts[inFlight])
	}
}

// lift removes a message from the ready or the waiting timeline.
func (q *queue) lift(m *message) {
	q.counts[m.state]--
	if m.state == visible {
		m.group.ready.remove(m)
		return
	}
	q.waiting.remove(m)
	if m.state == inFlight {
		m.group.inFlight--
	}
}

// take removes a message from the queue.
func (q *queue) take(m *message) {
	q.lift(m)
	q.aging.remove(m)
	delete(q.messages, m.id)
	m.group.members--
	if m.group.members == 0 {
		delete(q.groups, m.group.id)
	}
	q.signal()
}

// next returns the message to receive next, or nil. It is the one accepted first, but
// messages of quiet tenants come before messages of noisy ones.
func (q *queue) next() *message {
	var first *message
	for _, l := range q.groups {
		if m := l.head(q.fifo); m != nil && (first == nil || q.before(m, first)) {
			first = m
		}
	}
	return first
}

func (q *queue) before(a, b *message) bool {
	if noisy := q.noisy(a.group); noisy != q.noisy(b.group) {
		return !noisy
	}
	return a.sequence < b.sequence
}

// noisy reports whether a group of a standard queue is a noisy neighbour: it has at least
// 30 messages in flight, and more than a tenth of all ("Amazon SQS fair queues").
func (q *queue) noisy(l *messageGroup) bool {
	return !q.fifo && l.id != "" && l.inFlight >= 30 && l.inFlight*10 > q.counts[inFlight]
}

// signal wakes every parked poll of the queue.
func (q *queue) signal() {
	close(q.wake)
	q.wake = make(chan struct{})
}

const fifoSuffix = ".fifo"

// recreateInterval is how long the name of a deleted queue stays reserved.
const recreateInterval = time.Minute

type createQueueInput struct {
	QueueName  string `sqs:"required"`
	Attributes map[string]string
	Tags       map[string]string `json:"tags"` // in lower case in the service model
}

type queueURLOutput struct {
	QueueUrl string
}

func (a *account) createQueue(c *call, in *createQueueInput) (*queueURLOutput, error) {
	q := newQueue(in.QueueName, a.baseURL, c.now)
	if err := in.check(q); err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	if err := a.configure(q, defaultSettings(q.fifo), in.Attributes); err != nil {
		return nil, err
	}
	if existing := a.queues[q.name]; existing != nil {
		return existing.sameAs(q, in.Attributes)
	}
	if deletedAt, ok := a.deleted[q.name]; ok && c.now.Sub(deletedAt) < recreateInterval {
		return nil, newError("QueueDeletedRecently",
			"You must wait 60 seconds after deleting a queue before you can create another with the same name.")
	}
	maps.Copy(q.tags, in.Tags)
	delete(a.deleted, q.name)
	a.queues[q.name] = q
	return &queueURLOutput{QueueUrl: q.url}, nil
}

// check checks the name, also against the type of the queue.
func (in *createQueueInput) check(q *queue) error {
	name := strings.TrimSuffix(in.QueueName, fifoSuffix)
	if name == "" || len(in.QueueName) > 80 ||
		strings.ContainsFunc(name, func(r rune) bool { return !isWordCharacter(r) }) {
		return errInvalidParameter(
			"Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
		)
	}
	if want, given := in.Attributes["FifoQueue"]; given && q.fifo != (want == "true") {
		return errInvalidParameter("The name of a FIFO queue must end with the .fifo suffix, and no other name may.")
	}
	if q.fifo && in.Attributes["FifoQueue"] != "true" {
		return errInvalidParameter("A queue whose name ends with .fifo needs the attribute FifoQueue=true.")
	}
	return nil
}

// sameAs answers a CreateQueue for an existing queue. It succeeds if the queue has every
// attribute value of the request.
func (q *queue) sameAs(wanted *queue, attributes map[string]string) (*queueURLOutput, error) {
	for name := range attributes {
		same := q.settings[name] == wanted.settings[name]
		if name == "RedrivePolicy" { // JSON can be written in more than one way
			same = q.redrive == wanted.redrive
		}
		if !same {
			return nil, newError("QueueNameExists",
				"A queue already exists with the same name and a different value for attribute %s", name)
		}
	}
	return &queueURLOutput{QueueUrl: q.url}, nil
}

// configure checks attributes and sets them on q, over the given settings; on an error q
// is unchanged.
func (a *account) configure(q *queue, over settings, attributes map[string]string) error {
	if err := checkFIFOSettings(q, attributes); err != nil {
		return err
	}
	merged, err := over.with(attributes)
	if err != nil {
		return err
	}
	redrive, err := parseRedrivePolicy(merged["RedrivePolicy"])
	if err != nil {
		return err
	}
	allow, err := parseAllowPolicy(merged["RedriveAllowPolicy"])
	if err != nil {
		return err
	}
	if err := a.checkRedrive(q, redrive); err != nil {
		return err
	}
	q.settings, q.redrive, q.allow = merged, redrive, allow
	return nil
}

// checkFIFOSettings refuses the attributes of FIFO queues on a standard queue.
func checkFIFOSettings(q *queue, attributes map[string]string) error {
	if q.fifo {
		return nil
	}
	for _, name := range []string{"ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"} {
		if _, given := attributes[name]; given {
			return errAttributeName(name)
		}
	}
	return nil
}

type deleteQueueInput struct {
	queueTarget
}

// deleteQueue takes effect at once; the service may take up to 60 seconds.
func (a *account) deleteQueue(c *call, in *deleteQueueInput) (*empty, error) {
	q, err := a.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	for m := q.aging.first(); m != nil; m = q.aging.first() {
		q.take(m)
		a.record(Purged, q, m, c.now)
	}
	delete(a.queues, q.name)
	a.deleted[q.name] = c.now
	q.signal()
	return &empty{}, nil
}

type getQueueURLInput struct {
	QueueName              string `sqs:"required"`
	QueueOwnerAWSAccountId *string
}

func (a *account) getQueueURL(_ *call, in *getQueueURLInput) (*queueURLOutput, error) {
	q := a.queues[in.QueueName]
	if q == nil || in.QueueOwnerAWSAccountId != nil && *in.QueueOwnerAWSAccountId != accountID {
		return nil, errQueueDoesNotExist()
	}
	return &queueURLOutput{QueueUrl: q.url}, nil
}

type listQueuesInput struct {
	QueueNamePrefix string
	pageRequest
}

type listQueuesOutput struct {
	QueueUrls []string `json:",omitempty"`
	NextToken string   `json:",omitempty"`
}

func (a *account) listQueues(_ *call, in *listQueuesInput) (*listQueuesOutput, error) {
	urls, token, err := in.page(
		a.urlsWhere(func(q *queue) bool { return strings.HasPrefix(q.name, in.QueueNamePrefix) }),
	)
	return &listQueuesOutput{QueueUrls: urls, NextToken: token}, err
}

// urlsWhere returns the sorted URLs of the queues that keep selects.
func (a *account) urlsWhere(keep func(*queue) bool) []string {
	urls := []string{}
	for _, q := range a.queues {
		if keep(q) {
			urls = append(urls, q.url)
		}
	}
	slices.Sort(urls)
	return urls
}

// pageRequest is the part of an input that requests one page of a list.
type pageRequest struct {
	MaxResults *int
	NextToken  *string
}

// maxPage is the longest page of a list of queues.
const maxPage = 1000

// page returns the requested page of a sorted list. The token for the next page is the
// last item of this one, or "" on the last page and without MaxResults.
func (p pageRequest) page(all []string) (items []string, token string, err error) {
	size := maxPage
	if p.MaxResults != nil {
		size = *p.MaxResults
	}
	if size < 1 || size > maxPage {
		return nil, "", errParameterRange("MaxResults", size, "MaxResults must be an integer between 1 and 1000.")
	}
	if p.NextToken != nil {
		after, err := base64.StdEncoding.DecodeString(*p.NextToken)
		if err != nil {
			return nil, "", errInvalidParameter("Invalid or expired next token.")
		}
		first, found := slices.BinarySearch(all, string(after))
		if found {
			first++
		}
		all = all[first:]
	}
	if len(all) <= size {
		return all, "", nil
	}
	if p.MaxResults != nil {
		token = base64.StdEncoding.EncodeToString([]byte(all[size-1]))
	}
	return all[:size], token, nil
}
