package lambdax_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// settlementLog keeps what it observes, one line each.
type settlementLog struct {
	mu    sync.Mutex
	lines []string
}

func (l *settlementLog) Call(ctx context.Context, call *taskhawk.Call) (context.Context, func(messages int, err error)) {
	return ctx, func(messages int, _ error) {
		l.addf("%s %s %s: %d of %d, sent %d", call.System, call.Method, call.Queue, messages, call.Messages, len(call.Sent))
	}
}

func (l *settlementLog) Settled(_ context.Context, s *taskhawk.Settlement) {
	l.addf("%s %s dead %t, failed %t", s.Task, s.Outcome.Action, s.DeadLetter, s.Err != nil)
}

func (l *settlementLog) addf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

// observed is a hub with the task "do" and the observer.
func observed(t *testing.T, r *env, observer taskhawk.Observer) *taskhawk.Hub {
	t.Helper()
	hub, err := taskhawk.NewHub(taskhawk.Config{
		Tasks: []taskhawk.AnyTask{taskhawk.New("do", r.do)}, Observer: observer, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	return hub
}

func TestObserverSeesHowRecordsAreSettled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // an observer has 100 ms
		r, log := &env{T: t}, &settlementLog{}
		handler, err := lambdax.SQS(observed(t, r, log), lambdax.SQSConfig{PartialBatch: true, Settler: &hubSettler{log: log}})
		require.NoError(t, err)
		for _, do := range []string{"", "fail", "permanent", "ignore"} {
			_, err = handler(t.Context(), doing(do))
			require.NoError(t, err)
		}
		require.Equal(t, []string{
			"do delete dead false, failed false",
			"visibility true", "do retry dead false, failed false",
			"letter true", "delete true", "do dead letter dead true, failed false",
			"do delete dead false, failed false",
		}, log.lines)
	})
}

func TestObserverSeesHowRecordsOfTopicsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // an observer has 100 ms
		r, log := &env{T: t}, &settlementLog{}
		handler, err := lambdax.SNS(observed(t, r, log), lambdax.SNSConfig{})
		require.NoError(t, err)
		for n, do := range []string{"", "permanent"} {
			_ = handler(t.Context(), events.SNSEvent{Records: []events.SNSEventRecord{
				{EventSource: "aws:sns", SNS: events.SNSEntity{Message: body("do", n, do), MessageID: "m"}},
			}})
		}
		require.Equal(t, []string{
			"do delete dead false, failed false", "do dead letter dead false, failed false",
		}, log.lines, "nothing settles records of topics")
	})
}

// hubSettler notes its calls, and whether their contexts name a hub with an observer.
type hubSettler struct{ log *settlementLog }

func (s *hubSettler) SetVisibility(ctx context.Context, _ *taskhawk.Delivery, _ time.Duration) error {
	return s.note(ctx, "visibility")
}

func (s *hubSettler) DeadLetter(ctx context.Context, _ *taskhawk.Delivery, _ taskhawk.DeadLetter) error {
	return s.note(ctx, "letter")
}

func (s *hubSettler) Delete(ctx context.Context, _ *taskhawk.Delivery) error {
	return s.note(ctx, "delete")
}

func (s *hubSettler) note(ctx context.Context, call string) error {
	hub := taskhawk.HubFrom(ctx)
	s.log.addf("%s %t", call, hub != nil && hub.Observer() != nil)
	return nil
}

func TestObserverSeesTheRequestsOfATopicPublisher(t *testing.T) {
	t.Parallel()
	onTopics(t, "", func(r *topicEnv) {
		log, publisher := &settlementLog{}, r.publisher()
		task := taskhawk.New[doArgs]("do", nil)
		_, err := taskhawk.NewHub(taskhawk.Config{Publisher: publisher, Tasks: []taskhawk.AnyTask{task}, Observer: log})
		require.NoError(t, err)
		_, err = task.DispatchAll(r.Context(), make([]doArgs, 3))
		require.NoError(t, err)
		require.Equal(t, []string{"aws.sns PublishBatch taskhawk-dev-myapp: 3 of 3, sent 3"}, log.lines)
		require.Equal(t, taskhawk.Destination{System: "aws.sns", Name: "taskhawk-dev-myapp-bulk"}, publisher.Destination(taskhawk.Bulk))
	})
}
