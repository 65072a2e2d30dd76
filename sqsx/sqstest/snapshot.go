package sqstest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// snapshotVersion is the version of the format that Snapshot writes.
const snapshotVersion = 1

// SetURL sets URL, the endpoint that queue URLs begin with, for a server mounted as an
// http.Handler. It applies to existing queues too. The URL has no slash at its end. Only
// the paths of queue URLs count in requests, so old ones stay valid. Call it before the
// first request, since URL is not guarded.
func (s *Server) SetURL(url string) {
	s.URL = url
	s.account.mu.Lock()
	defer s.account.mu.Unlock()
	s.account.baseURL = url
	for _, q := range s.account.queues {
		q.url = queueURL(url, q.name)
	}
}

// QueueNames returns the names of the queues, sorted.
func (s *Server) QueueNames() []string {
	s.account.mu.Lock()
	defer s.account.mu.Unlock()
	return slices.Sorted(maps.Keys(s.account.queues))
}

// TopicNames returns the names of the topics, sorted.
func (s *Server) TopicNames() []string {
	s.account.mu.Lock()
	defer s.account.mu.Unlock()
	return slices.Sorted(maps.Keys(s.account.topics))
}

// Snapshot returns the queues with their messages, the topics with their subscriptions
// and the schedules, as JSON for Restore. Receipt handles stay valid, and timeouts
// continue: a message in flight becomes visible when its visibility timeout ends. Not
// included are faults, the ledger, request counts, functions, move tasks, receive
// attempts and the deduplication ids of FIFO topics.
func (s *Server) Snapshot() ([]byte, error) {
	a := s.account
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	a.settle(now)
	saved := savedAccount{Version: snapshotVersion, ReceiptKey: a.receiptKey, Sequence: a.sequence}
	for _, name := range slices.Sorted(maps.Keys(a.queues)) {
		saved.Queues = append(saved.Queues, a.queues[name].save(now))
	}
	for _, name := range slices.Sorted(maps.Keys(a.topics)) {
		saved.Topics = append(saved.Topics, a.topics[name].save())
	}
	saved.ScheduleGroups = slices.Sorted(maps.Keys(a.scheduleGroups))
	for _, key := range slices.Sorted(maps.Keys(a.schedules)) {
		saved.Schedules = append(saved.Schedules, a.schedules[key].save())
	}
	snapshot, err := json.Marshal(saved) //nolint:musttag // Restore alone reads it
	if err != nil {
		return nil, fmt.Errorf("sqstest: snapshot: %w", err)
	}
	return snapshot, nil
}

// Restore loads the result of Snapshot into a server without queues, topics and
// schedules. Messages whose time has passed since are then visible or expired, and
// schedules fire for missed times. On an error the server is unchanged.
func (s *Server) Restore(snapshot []byte) error {
	var saved savedAccount
	if err := json.Unmarshal(snapshot, &saved); err != nil { //nolint:musttag // Snapshot alone writes it
		return fmt.Errorf("sqstest: restore: %w", err)
	}
	if saved.Version != snapshotVersion {
		return fmt.Errorf("sqstest: restore: version %d of the format is not known", saved.Version)
	}
	a := s.account
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.queues)+len(a.topics)+len(a.schedules) > 0 {
		return errors.New("sqstest: restore: the server has queues, topics or schedules")
	}
	queues := make(map[string]*queue, len(saved.Queues))
	for _, q := range saved.Queues {
		restored, err := q.restore(a.baseURL)
		if err != nil {
			return fmt.Errorf("sqstest: restore: queue %s: %w", q.Name, err)
		}
		queues[q.Name] = restored
	}
	schedules := make(map[string]*schedule, len(saved.Schedules))
	for _, of := range saved.Schedules {
		restored, err := of.restore()
		if err != nil {
			return fmt.Errorf("sqstest: restore: schedule %s: %w", of.Name, err)
		}
		schedules[of.GroupName+"/"+of.Name] = restored
	}
	a.schedules = schedules
	for _, group := range saved.ScheduleGroups {
		a.scheduleGroups[group] = true
	}
	a.receiptKey, a.sequence, a.queues = saved.ReceiptKey, saved.Sequence, queues
	for _, t := range saved.Topics {
		a.topics[t.Name] = t.restore()
	}
	return nil
}

type savedAccount struct {
	Version    int
	ReceiptKey []byte
	Sequence   uint64
	Queues     []savedQueue
	Topics     []savedTopic

	ScheduleGroups []string
	Schedules      []savedSchedule
}

type savedQueue struct {
	ID                string
	Name              string
	Settings          settings
	Tags              map[string]string
	Created, Modified time.Time
	Purged            time.Time
	Messages          []savedMessage
	Sent              []savedSend
}

type savedMessage struct {
	ID              string
	Body            string
	Attributes      map[string]attributeValue
	TraceHeader     string
	GroupID         string
	DeduplicationID string
	Key             string
	Sequence        uint64
	SentAt          time.Time
	RetainedSince   time.Time
	SourceARN       string
	State           state
	VisibleAt       time.Time
	Receives        int
	LocalReceives   int
	FirstReceivedAt time.Time
	ReceivedAt      time.Time
}

// savedSend is the deduplication record of a message sent to a FIFO queue.
type savedSend struct {
	Key      string
	Until    time.Time
	ID       string
	Sequence uint64
}

func (q *queue) save(now time.Time) savedQueue {
	saved := savedQueue{
		ID: q.id, Name: q.name, Settings: q.settings, Tags: q.tags,
		Created: q.created, Modified: q.modified, Purged: q.purgedAt,
	}
	for _, m := range q.messages {
		saved.Messages = append(saved.Messages, m.save())
	}
	slices.SortFunc(saved.Messages, func(a, b savedMessage) int { return int(a.Sequence) - int(b.Sequence) })
	for _, sent := range q.deduplication.order {
		if m := q.deduplication.seen[sent.key]; m != nil && sent.until.After(now) {
			saved.Sent = append(saved.Sent, savedSend{Key: sent.key, Until: sent.until, ID: m.id, Sequence: m.sequence})
		}
	}
	return saved
}

func (m *message) save() savedMessage {
	return savedMessage{
		ID: m.id, Body: m.body, Attributes: m.attributes, TraceHeader: m.traceHeader, GroupID: m.groupID,
		DeduplicationID: m.deduplicationID, Key: m.key, Sequence: m.sequence, SentAt: m.sentAt,
		RetainedSince: m.retainedSince, SourceARN: m.sourceARN, State: m.state, VisibleAt: m.visibleAt,
		Receives: m.receives, LocalReceives: m.localReceives, FirstReceivedAt: m.firstReceivedAt,
		ReceivedAt: m.receivedAt,
	}
}

func (s savedQueue) restore(baseURL string) (*queue, error) {
	q := newQueue(s.Name, baseURL, s.Created)
	q.id, q.settings, q.modified, q.purgedAt = s.ID, s.Settings, s.Modified, s.Purged
	if s.Tags != nil {
		q.tags = s.Tags
	}
	var err error
	if q.redrive, err = parseRedrivePolicy(s.Settings["RedrivePolicy"]); err != nil {
		return nil, err
	}
	if q.allow, err = parseAllowPolicy(s.Settings["RedriveAllowPolicy"]); err != nil {
		return nil, err
	}
	for _, saved := range s.Messages {
		m := saved.restore()
		q.messages[m.id] = m
		q.aging.add(m)
		m.group = q.groupOf(m)
		m.group.members++
		if m.state == visible {
			q.show(m)
		} else {
			q.hide(m, m.state, m.visibleAt)
		}
	}
	for _, sent := range s.Sent {
		m := q.messages[sent.ID]
		if m == nil { // deleted; its duplicates are still not stored
			m = &message{id: sent.ID, sequence: sent.Sequence}
		}
		if q.deduplication.seen == nil {
			q.deduplication.seen = map[string]*message{}
		}
		q.deduplication.seen[sent.Key] = m
		q.deduplication.order = append(q.deduplication.order, remembered{key: sent.Key, until: sent.Until})
	}
	return q, nil
}

func (s savedMessage) restore() *message {
	m := &message{
		id: s.ID, body: s.Body, bodyMD5: md5Of(s.Body), attributes: s.Attributes, traceHeader: s.TraceHeader,
		groupID: s.GroupID, deduplicationID: s.DeduplicationID, key: s.Key, sequence: s.Sequence, sentAt: s.SentAt,
		retainedSince: s.RetainedSince, sourceARN: s.SourceARN, state: s.State, visibleAt: s.VisibleAt,
		receives: s.Receives, localReceives: s.LocalReceives, firstReceivedAt: s.FirstReceivedAt,
		receivedAt: s.ReceivedAt,
	}
	m.size = (&outgoing{MessageBody: s.Body, MessageAttributes: s.Attributes}).size()
	return m
}

type savedTopic struct {
	Name          string
	Settings      map[string]string
	Deleted       int
	Subscriptions []savedSubscription
}

type savedSubscription struct {
	ARN, Protocol, Endpoint string
	Settings                map[string]string
	Dead                    string
}

func (t *topic) save() savedTopic {
	saved := savedTopic{Name: t.name, Settings: t.settings, Deleted: t.deleted}
	for _, s := range t.subscriptions {
		saved.Subscriptions = append(saved.Subscriptions, savedSubscription{
			ARN: s.arn, Protocol: s.protocol, Endpoint: s.endpoint, Settings: s.settings, Dead: s.dead,
		})
	}
	return saved
}

func (s savedTopic) restore() *topic {
	t := &topic{
		name:     s.Name,
		arn:      topicPrefix + s.Name,
		fifo:     isFIFOName(s.Name),
		settings: s.Settings,
		deleted:  s.Deleted,
	}
	for _, sub := range s.Subscriptions {
		t.subscriptions = append(t.subscriptions, &subscription{
			arn:      sub.ARN,
			topic:    t,
			protocol: sub.Protocol,
			endpoint: sub.Endpoint,
			settings: sub.Settings,
			dead:     sub.Dead,
		})
	}
	return t
}

type savedSchedule struct {
	scheduleDefinition

	Name                    string
	Created, Modified, Next time.Time
}

func (s *schedule) save() savedSchedule {
	return savedSchedule{
		scheduleDefinition: s.scheduleDefinition, Name: s.name, Created: s.created, Modified: s.modified, Next: s.next,
	}
}

// restore prepares the schedule as of its last change: a one-time schedule may have no
// next time by now.
func (s savedSchedule) restore() (*schedule, error) {
	restored := &schedule{
		scheduleDefinition: s.scheduleDefinition,
		name:               s.Name,
		created:            s.Created,
		modified:           s.Modified,
	}
	if err := restored.prepare(s.Modified); err != nil {
		return nil, err
	}
	restored.next = s.Next
	return restored, nil
}
