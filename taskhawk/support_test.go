package taskhawk_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// emailArgs are the arguments of the usage guide's send_email(to, subject,
// from_email=None).
type emailArgs struct {
	To        string
	Subject   string
	FromEmail *string `taskhawk:"from_email,kw,optional"`
}

// errDown is what a publisher or handler fails with on purpose.
var errDown = errors.New("the service is down")

// fakePublisher keeps what is published, and fails with err where that is set.
type fakePublisher struct {
	err error

	mu   sync.Mutex
	outs []*taskhawk.Outgoing
}

func (p *fakePublisher) Publish(_ context.Context, out *taskhawk.Outgoing) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.outs = append(p.outs, out)
	return p.err
}

// published returns what Publish was called with.
func (p *fakePublisher) published() []*taskhawk.Outgoing {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*taskhawk.Outgoing(nil), p.outs...)
}

// last returns the message published last.
func (p *fakePublisher) last(t *testing.T) *taskhawk.Outgoing {
	t.Helper()
	outs := p.published()
	require.NotEmpty(t, outs, "nothing was published")
	return outs[len(outs)-1]
}

// newHub makes a hub that logs nothing unless config says where.
func newHub(t testing.TB, config taskhawk.Config) *taskhawk.Hub {
	t.Helper()
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	hub, err := taskhawk.NewHub(config)
	require.NoError(t, err)
	return hub
}

// newEmail makes a task that does nothing, on a hub with a fake publisher.
func newEmail(t testing.TB, options ...taskhawk.TaskOption) (*taskhawk.Task[emailArgs], *fakePublisher) {
	t.Helper()
	task := taskhawk.New("tasks.send_email", func(context.Context, emailArgs) error { return nil }, options...)
	publisher := &fakePublisher{}
	newHub(t, taskhawk.Config{Publisher: publisher, Tasks: []taskhawk.AnyTask{task}})
	return task, publisher
}

// newLog returns a logger of every level, and the text that it writes, one line of JSON a
// record.
func newLog() (*slog.Logger, *bytes.Buffer) {
	var text bytes.Buffer
	return slog.New(slog.NewJSONHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug})), &text
}

// logText is what a logger has written. It may be read while others write.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// delivery returns a delivery of a message to a task, with args as its positional
// arguments.
func delivery(task, args string) *taskhawk.Delivery {
	return &taskhawk.Delivery{
		Body: `{"id":"i1","metadata":{"priority":"low","timestamp":1460868253255,"version":"1.0"},"headers":{"h":"v"},"task":"` +
			task + `","args":[` + args + `],"kwargs":{}}`,
		MessageID: "m1", Queue: "q1", Receipt: "r1", Attempt: 3,
	}
}
