package sqstest_test

import (
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// modelMessage is a message as the simplest possible queue would keep it.
type modelMessage struct {
	body, group string
	visibleAt   time.Time
	inFlight    bool // until visibleAt
	receivedAt  time.Time
	receives    int
}

// model is a queue in the plainest terms: a list, searched from its start.
type model struct {
	fifo     bool
	max      int // maxReceiveCount
	messages []*modelMessage
	dead     []string
}

func (m *modelMessage) isInFlight(now time.Time) bool { return m.inFlight && m.visibleAt.After(now) }

// receive takes up to n messages by looking at each in turn.
func (q *model) receive(n int, visibility time.Duration) []string {
	now := time.Now()
	closed := map[string]bool{}
	for _, m := range q.messages {
		if q.fifo && m.isInFlight(now) {
			closed[m.group] = true
		}
	}
	var out []string
	for _, m := range slices.Clone(q.messages) {
		if len(out) == n || m.visibleAt.After(now) || closed[m.group] {
			continue
		}
		if m.receives == q.max {
			q.dead = append(q.dead, m.body)
			q.messages = slices.DeleteFunc(q.messages, func(other *modelMessage) bool { return other == m })
			continue
		}
		m.receives++
		m.inFlight, m.receivedAt, m.visibleAt = true, now, now.Add(visibility)
		out = append(out, m.body)
	}
	return out
}

func (q *model) find(body string) *modelMessage {
	for _, m := range q.messages {
		if m.body == body {
			return m
		}
	}
	return nil
}

// handle is a receipt handle and what it was given for.
type handle struct {
	receipt *string
	body    string
	receive int
}

// machine drives the server and the model side by side.
type machine struct {
	*fixture
	url     string
	model   *model
	sent    int
	handles []handle
}

func (m *machine) doSend(t *rapid.T) {
	m.sent++
	body, group := strconv.Itoa(m.sent), ""
	delay := 0
	if m.model.fifo {
		group = rapid.SampledFrom([]string{"a", "b"}).Draw(t, "group")
	} else {
		delay = rapid.IntRange(0, 5).Draw(t, "delay")
	}
	m.send(m.url, body, func(in *sqs.SendMessageInput) {
		in.DelaySeconds = int32(delay)
		if group != "" {
			in.MessageGroupId = &group
		}
	})
	visibleAt := time.Now().Add(time.Duration(delay) * time.Second)
	m.model.messages = append(m.model.messages, &modelMessage{body: body, group: group, visibleAt: visibleAt})
}

func (m *machine) doReceive(t *rapid.T) {
	n := rapid.IntRange(1, 10).Draw(t, "n")
	visibility := rapid.IntRange(1, 20).Draw(t, "visibility")
	got := m.receive(m.url, func(in *sqs.ReceiveMessageInput) {
		in.MaxNumberOfMessages, in.VisibilityTimeout = int32(n), int32(visibility)
	})
	want := m.model.receive(n, time.Duration(visibility)*time.Second)
	require.Equal(t, want, bodies(got))
	for _, message := range got {
		m.handles = append(m.handles, handle{message.ReceiptHandle, *message.Body, m.model.find(*message.Body).receives})
	}
}

func (m *machine) doDelete(t *rapid.T) {
	h := rapid.SampledFrom(m.handles).Draw(t, "handle")
	_, err := m.client.DeleteMessage(m.Context(), &sqs.DeleteMessageInput{QueueUrl: &m.url, ReceiptHandle: h.receipt})
	message := m.model.find(h.body)
	stale := message != nil && message.receives != h.receive
	expired := message != nil && m.model.fifo && (stale || !message.isInFlight(time.Now()))
	require.Equal(t, expired, err != nil, "%v", err)
	if message != nil && !stale && !expired {
		m.model.messages = slices.DeleteFunc(m.model.messages, func(other *modelMessage) bool { return other == message })
	}
}

func (m *machine) doChange(t *rapid.T) {
	h := rapid.SampledFrom(m.handles).Draw(t, "handle")
	d := time.Duration(rapid.SampledFrom([]int{0, 1, 7, 43_199, 43_200}).Draw(t, "seconds")) * time.Second
	err := m.changeVisibility(m.url, h.receipt, d)
	now, message := time.Now(), m.model.find(h.body)
	switch {
	case message == nil:
		require.Error(t, err)
	case message.receives != h.receive || !message.isInFlight(now):
		require.True(t, is[*types.MessageNotInflight](err), "%v", err)
	case now.Add(d).After(message.receivedAt.Add(12 * time.Hour)):
		require.ErrorContains(t, err, "beyond the limit")
	default:
		require.NoError(t, err)
		message.visibleAt = now.Add(d)
	}
}

func (m *machine) check(t *rapid.T) {
	now, got := time.Now(), m.Queue("jobs"+m.suffix())
	inFlight, hidden := 0, 0
	for _, message := range m.model.messages {
		if message.visibleAt.After(now) {
			hidden++
		}
		if message.isInFlight(now) {
			inFlight++
		}
	}
	require.Equal(t, inFlight, got.InFlight)
	require.Equal(t, hidden-inFlight, got.Delayed)
	require.Equal(t, len(m.model.messages)-hidden, got.Visible)
	require.Len(t, m.Queue("dlq"+m.suffix()).Messages, len(m.model.dead))
}

func (m *machine) suffix() string {
	if m.model.fifo {
		return ".fifo"
	}
	return ""
}

// TestServerAgreesWithAModel makes random calls of a queue with a dead-letter
// queue and compares each answer with that of a list that is searched from its
// start.
func TestServerAgreesWithAModel(t *testing.T) {
	t.Parallel()
	for name, fifo := range map[string]bool{"standard": false, "FIFO": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				rapid.Check(withoutDeadline{t}, func(rt *rapid.T) { runMachine(t, rt, fifo) })
			})
		})
	}
}

// withoutDeadline hides Deadline, which may not be called in a bubble.
type withoutDeadline struct{ rapid.TB }

func runMachine(t *testing.T, rt *rapid.T, fifo bool) {
	t.Helper()
	m := &machine{fixture: newFixture(t), model: &model{fifo: fifo, max: 3}}
	if fifo {
		m.fifo("dlq.fifo")
		m.url = m.fifo("jobs.fifo", "RedrivePolicy", redriveTo("dlq.fifo", "3"))
	} else {
		m.queue("dlq")
		m.url = m.queue("jobs", "RedrivePolicy", redriveTo("dlq", "3"))
	}
	needHandles := func(do func(*rapid.T)) func(*rapid.T) {
		return func(t *rapid.T) {
			if len(m.handles) > 0 {
				do(t)
			}
		}
	}
	rt.Repeat(map[string]func(*rapid.T){
		"":        m.check,
		"send":    m.doSend,
		"receive": m.doReceive,
		"delete":  needHandles(m.doDelete),
		"change":  needHandles(m.doChange),
		"sleep": func(t *rapid.T) {
			time.Sleep(time.Duration(rapid.IntRange(1, 15).Draw(t, "seconds")) * time.Second)
		},
	})
}
