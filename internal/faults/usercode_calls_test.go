package faults_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// dispatchPlaces are those of a dispatch. Each puts the culprit into a program and
// returns the arguments to dispatch.
func dispatchPlaces() map[string]func(s *scene, publisher *wildPublisher) (wildArgs, []taskhawk.TaskOption) {
	return map[string]func(s *scene, publisher *wildPublisher) (wildArgs, []taskhawk.TaskOption){
		"DefaultHeaders": func(s *scene, _ *wildPublisher) (wildArgs, []taskhawk.TaskOption) {
			s.config.DefaultHeaders = func(_ context.Context, task string) taskhawk.Headers {
				if task == "tests.bad" {
					s.act()
				}
				return nil
			}
			return wildArgs{}, nil
		},
		"validator": func(s *scene, _ *wildPublisher) (wildArgs, []taskhawk.TaskOption) {
			return wildArgs{}, []taskhawk.TaskOption{taskhawk.WithValidator(wildValidator{s.culprit})}
		},
		"MarshalJSON": func(s *scene, _ *wildPublisher) (wildArgs, []taskhawk.TaskOption) {
			return wildArgs{JSON: wildJSON(s.key())}, nil
		},
		"MarshalText": func(s *scene, _ *wildPublisher) (wildArgs, []taskhawk.TaskOption) {
			return wildArgs{Text: wildText(s.key())}, nil
		},
		"Publisher": func(s *scene, publisher *wildPublisher) (wildArgs, []taskhawk.TaskOption) {
			publisher.culprit = s.culprit
			return wildArgs{}, nil
		},
		"an error of Publisher": func(s *scene, publisher *wildPublisher) (wildArgs, []taskhawk.TaskOption) {
			publisher.err = brokenError{"Error", func() { s.armed.Store(true); s.act() }}
			return wildArgs{}, nil
		},
	}
}

// wildPublisher meets the culprit with the bad task.
type wildPublisher struct {
	*culprit

	err error
}

func (p *wildPublisher) Publish(_ context.Context, out *taskhawk.Outgoing) error {
	if out.Task != "tests.bad" {
		return nil
	}
	if p.culprit != nil {
		p.act()
	}
	return p.err
}

// wildBatches is a wildPublisher that takes batches.
type wildBatches struct{ wildPublisher }

func (p *wildBatches) PublishBatch(ctx context.Context, outs []*taskhawk.Outgoing) []error {
	errs := make([]error, len(outs))
	for i, out := range outs {
		errs[i] = p.Publish(ctx, out)
	}
	return errs
}

// Code of the user that does not return from a dispatch is the failure of that dispatch,
// or holds it alone.
func TestT54UserCodeOfADispatch(t *testing.T) {
	t.Parallel()
	for name, put := range dispatchPlaces() {
		for _, how := range []string{byPanic, byExit, byHang} {
			for _, batches := range []bool{false, true} {
				t.Run(fmt.Sprint(name, " ", how, ", batches: ", batches), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) { dispatchInTrouble(t, how, batches, put) })
				})
			}
		}
	}
}

func dispatchInTrouble(
	t *testing.T, how string, batches bool, put func(*scene, *wildPublisher) (wildArgs, []taskhawk.TaskOption),
) {
	t.Helper()
	s := &scene{culprit: &culprit{how: how, release: make(chan struct{})}}
	publisher := &wildBatches{}
	args, options := put(s, &publisher.wildPublisher)
	bad, good := taskhawk.New[wildArgs]("tests.bad", nil, options...), taskhawk.New[struct{}]("tests.good", nil)
	s.config.Tasks, s.config.Publisher = []taskhawk.AnyTask{bad, good}, &publisher.wildPublisher
	if batches {
		s.config.Publisher = publisher
	}
	s.hub(t)
	s.armed.Store(true)
	returned := make(chan error, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var err error
		if batches {
			_, err = bad.DispatchAll(t.Context(), []wildArgs{args})
		} else {
			_, err = bad.Dispatch(t.Context(), args)
		}
		returned <- err
	}()
	synctest.Wait()
	_, err := good.Dispatch(t.Context(), struct{}{})
	require.NoError(t, err, "another dispatch is not held up")
	close(s.release)
	<-ended
	select {
	case err = <-returned:
	default:
		require.Equal(t, byExit, how, "Goexit ends the goroutine that dispatched")
		return
	}
	switch {
	case publisher.err != nil && how != byHang:
		require.ErrorContains(t, err, "faults_test.brokenError: its Error method ")
	case how == byPanic:
		require.ErrorContains(t, err, "panic (string)")
		require.NotContains(t, err.Error(), canaryArgument)
		require.Equal(t, publisher.culprit != nil, errors.Is(err, taskhawk.ErrOutcomeUnknown), "stored or not")
	case publisher.err == nil:
		require.NoError(t, err, "what was released goes on")
	}
}

// wildClient is a client of SQS, one of whose methods meets the culprit.
type wildClient struct {
	*sqs.Client
	*culprit

	method string
}

func (c wildClient) meet(method string) {
	if c.method == method {
		c.act()
	}
}

func (c wildClient) SendMessageBatch(
	ctx context.Context, in *sqs.SendMessageBatchInput, o ...func(*sqs.Options),
) (*sqs.SendMessageBatchOutput, error) {
	c.meet("SendMessageBatch")
	return c.Client.SendMessageBatch(ctx, in, o...)
}

func (c wildClient) ReceiveMessage(
	ctx context.Context, in *sqs.ReceiveMessageInput, o ...func(*sqs.Options),
) (*sqs.ReceiveMessageOutput, error) {
	c.meet("ReceiveMessage")
	return c.Client.ReceiveMessage(ctx, in, o...)
}

func (c wildClient) DeleteMessageBatch(
	ctx context.Context, in *sqs.DeleteMessageBatchInput, o ...func(*sqs.Options),
) (*sqs.DeleteMessageBatchOutput, error) {
	c.meet("DeleteMessageBatch")
	return c.Client.DeleteMessageBatch(ctx, in, o...)
}

func (c wildClient) ChangeMessageVisibilityBatch(
	ctx context.Context, in *sqs.ChangeMessageVisibilityBatchInput, o ...func(*sqs.Options),
) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	c.meet("ChangeMessageVisibilityBatch")
	return c.Client.ChangeMessageVisibilityBatch(ctx, in, o...)
}

// A client of SQS that does not return from one call, as fakes in tests do, costs that
// call and nothing else: tasks go on, and the worker stops in time.
func TestT54ClientDoesNotReturn(t *testing.T) {
	t.Parallel()
	for _, method := range []string{
		"ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch", "SendMessageBatch",
	} {
		for _, how := range []string{byPanic, byExit, byHang} {
			t.Run(method+" "+how, func(t *testing.T) {
				t.Parallel()
				handle := func(ctx context.Context, n int) error {
					time.Sleep(20 * time.Second) // a heartbeat comes
					if n%5 == 0 && taskhawk.MetadataFrom(ctx).Attempt == 1 {
						return errFault
					}
					return nil
				}
				inBubble(t, setup{What: "a client that panics, ends its goroutine or hangs", Handle: handle}, func(r *env) {
					client := wildClient{r.client, &culprit{how: how, release: make(chan struct{})}, method}
					defer func() {
						close(client.release)
						synctest.Wait()
					}()
					publisher, err := sqsx.NewPublisher(client, app, sqsx.PublisherConfig{})
					require.NoError(r, err)
					hub, err := taskhawk.NewHub(taskhawk.Config{Publisher: publisher})
					require.NoError(r, err)
					ctx, cancel := context.WithTimeout(taskhawk.ContextWithHub(r.Context(), hub), time.Minute)
					defer cancel()
					client.armed.Store(method == "SendMessageBatch")
					_, err = r.job.Dispatch(ctx, newArgs(0))
					if err != nil {
						require.ErrorIs(r, err, taskhawk.ErrOutcomeUnknown)
						r.sink.failure(err)
					}
					w := r.startWith(client, sqsx.WorkerConfig{Concurrency: 2})
					client.armed.Store(method != "SendMessageBatch")
					r.fillAll(10)
					r.drain(2 * time.Hour)
					require.False(r, client.armed.Load(), "the culprit was met")
					require.LessOrEqual(r, w.stopLate(), taskhawk.DefaultGracePeriod+time.Second)
					r.Check(want{Duplicates: r.record.duplicates(), Stranded: 20})
				})
			})
		}
	}
}

// Functions that are asked while a program starts fail what asks them.
func TestT54ConstructorsOutliveUserCode(t *testing.T) {
	t.Parallel()
	server := sqstest.NewUnstartedServer()
	defer server.Close()
	client := server.Client()
	naming := func(string, taskhawk.Priority) string { panic(canaryArgument) }
	topics := lambdax.PublisherConfig{Account: "123456789012", Region: "eu-west-1", Naming: naming}
	task := taskhawk.New("t", func(context.Context, struct{}) error { return nil })
	hub, err := taskhawk.NewHub(taskhawk.Config{Tasks: []taskhawk.AnyTask{task}, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	for name, construct := range map[string]func() error{
		"publisher": func() error {
			_, err := sqsx.NewPublisher(client, app, sqsx.PublisherConfig{Naming: naming})
			return err
		},
		"worker": func() error {
			_, err := sqsx.NewWorker(client, app, hub, sqsx.WorkerConfig{Naming: naming})
			return err
		},
		"provision": func() error { return sqsx.Provision(t.Context(), client, app, sqsx.ProvisionConfig{Naming: naming}) },
		"topics": func() error {
			_, err := lambdax.NewPublisher(noTopics{}, app, topics)
			return err
		},
		"queue": func() error {
			_, err := taskhawk.NewWorker(hub, []taskhawk.Queue{nil}, taskhawk.WorkerConfig{})
			return err
		},
		"middleware": func() error {
			broken := func(taskhawk.Handler) taskhawk.Handler { panic(canaryArgument) }
			_, err := taskhawk.NewHub(taskhawk.Config{Middleware: []taskhawk.Middleware{broken}})
			return err
		},
	} {
		err := construct()
		require.ErrorContains(t, err, "panic (", name)
		require.NotContains(t, err.Error(), canaryArgument, name)
	}
}

// noTopics is a client that nothing asks.
type noTopics struct{ lambdax.PublisherAPI }
