package taskhawktest

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Transport is a transport under test. Its queues have a visibility timeout of 30 s,
// deliver a message three times before it becomes a dead letter, and wait at most 20 s in
// Receive.
type Transport struct {
	// Publisher publishes to the queues.
	Publisher taskhawk.Publisher
	// Queues are the queues of all four priorities.
	Queues []taskhawk.Queue
	// DeadLetters returns the bodies of the dead letters of a priority.
	DeadLetters func(ctx context.Context, priority taskhawk.Priority) ([]string, error)
}

// The setting of the queues in [TestTransport].
const (
	Visibility = 30 * time.Second
	MaxReceive = 3
	Wait       = 20 * time.Second
)

// TestTransport checks that a transport keeps the contracts of taskhawk.Publisher,
// taskhawk.BatchPublisher and taskhawk.Queue. Each case runs in a separate
// testing/synctest bubble, with a transport that newTransport makes in the bubble, so
// that visibility timeouts take no time. The transport must not use real sockets.
func TestTransport(t *testing.T, newTransport func(t *testing.T) Transport) {
	t.Helper()
	for _, c := range transportCases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.run(&transportTest{T: t, Transport: newTransport(t)})
			})
		})
	}
}

var transportCases = [...]struct {
	name string
	run  func(t *transportTest)
}{
	{"delivers what was published", (*transportTest).delivers},
	{"keeps priorities apart", (*transportTest).keepsPrioritiesApart},
	{"returns nothing when the wait is over", (*transportTest).waits},
	{"wakes up for a message", (*transportTest).wakes},
	{"never returns more than the limit", (*transportTest).limits},
	{"ends when the context does", (*transportTest).cancels},
	{"hides a message until the visibility timeout", (*transportTest).hides},
	{"deletes for good", (*transportTest).deletes},
	{"gives back at once with visibility 0", (*transportTest).givesBack},
	{"extends the visibility timeout", (*transportTest).extends},
	{"refuses to extend past the end of the lease", (*transportTest).refusesToExtend},
	{"delays", (*transportTest).delays},
	{"buries with DeadLetter", (*transportTest).buries},
	{"buries what is delivered too often", (*transportTest).buriesAfterMaxReceive},
	{"publishes concurrently", (*transportTest).publishesConcurrently},
	{"publishes batches of any length", (*transportTest).publishesBatches},
	{"keeps the body as it is", (*transportTest).keepsBody},
}

// transportTest is one case with its transport.
type transportTest struct {
	*testing.T
	Transport
}

func (t *transportTest) queue(priority taskhawk.Priority) taskhawk.Queue {
	for _, queue := range t.Queues {
		if queue.Info().Priority == priority {
			return queue
		}
	}
	require.FailNow(t, "no queue", "priority %s", priority)
	return nil
}

func outgoing(n int, priority taskhawk.Priority) *taskhawk.Outgoing {
	id := fmt.Sprintf("id-%s-%d", priority, n)
	msg := taskhawk.Message{
		ID: id, Task: "tasks.conform", Priority: priority, Timestamp: time.Now(),
		Headers: taskhawk.Headers{"n": id}, Args: fmt.Sprintf("[%d]", n),
	}
	body, err := msg.MarshalJSON()
	if err != nil {
		panic(err) //nolint:forbidigo // the message is ours
	}
	return &taskhawk.Outgoing{ID: id, Task: msg.Task, Priority: priority, Headers: msg.Headers, Body: string(body)}
}

// publish publishes one message of the default priority.
func (t *transportTest) publish(n int) *taskhawk.Outgoing {
	out := outgoing(n, taskhawk.Default)
	require.NoError(t, t.Publisher.Publish(t.Context(), out))
	return out
}

// receive polls the default queue once.
func (t *transportTest) receive() []*taskhawk.Delivery {
	deliveries, err := t.queue(taskhawk.Default).Receive(t.Context(), 10, Wait)
	require.NoError(t, err)
	return deliveries
}

// receiveOne polls the default queue for just one message.
func (t *transportTest) receiveOne() *taskhawk.Delivery {
	deliveries := t.receive()
	require.Len(t, deliveries, 1)
	return deliveries[0]
}
