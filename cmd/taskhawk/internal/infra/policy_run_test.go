package infra_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/internal/iamtest"
	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqscheck"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

var errTest = errors.New("test error")

// A program does all that a role does to the application of a file, with a client that a
// policy limits.
type program struct {
	*testing.T
	declaredApp

	server  *sqstest.Server
	limited *sqs.Client
	topics  *sns.Client // limited, too
	found   resources
}

// runProgram returns the guard that stood before the work of a program.
func runProgram(t *testing.T, app declaredApp, policy string, work func(*program)) (g *iamtest.Guard) {
	t.Helper()
	text, _ := generate(t, "apps.hcl", workers)
	found := parse(t, text)
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.NewUnstartedServer()
		t.Cleanup(server.Close)
		create(t, server, found)
		var err error
		g, err = iamtest.New(server.HTTPClient().Transport, "000000000000", policy)
		require.NoError(t, err)
		client := &http.Client{Transport: g}
		work(&program{
			T: t, declaredApp: app, server: server, found: found,
			limited: server.Client(func(o *sqs.Options) { o.HTTPClient = client }),
			topics:  server.SNSClient(func(o *sns.Options) { o.HTTPClient = client }),
		})
	})
	return g
}

// send puts n messages on a queue, with all rights.
func (p *program) send(queue string, n int) {
	p.Helper()
	for range n {
		input := &sqs.SendMessageInput{QueueUrl: aws.String(p.server.Queue(queue).URL), MessageBody: aws.String("{}")}
		if strings.HasSuffix(queue, ".fifo") {
			input.MessageGroupId, input.MessageDeduplicationId = aws.String("g"), aws.String(strconv.FormatInt(time.Now().UnixNano(), 10))
		}
		_, err := p.server.Client().SendMessage(p.Context(), input)
		require.NoError(p, err)
		time.Sleep(time.Millisecond)
	}
}

func (p *program) outgoing(priority taskhawk.Priority) *taskhawk.Outgoing {
	out := &taskhawk.Outgoing{ID: "id-" + priority.String(), Task: "tests.a", Body: "{}", Priority: priority}
	if p.fifo() {
		out.Group = "g"
	}
	return out
}

func (p *program) fifo() bool { return strings.HasSuffix(p.naming(p.name, taskhawk.Default), ".fifo") }

func (p *program) publish() {
	publisher, err := sqsx.NewPublisher(p.limited, p.name, sqsx.PublisherConfig{Naming: p.naming})
	require.NoError(p, err)
	for _, priority := range p.priorities {
		require.NoError(p, publisher.Publish(p.Context(), p.outgoing(priority)))
	}
}

// work has on each queue a task that is longer than the visibility timeout, one that
// fails once, and one that fails for good.
func (p *program) work() {
	tasks := taskhawk.New("tests.role", func(ctx context.Context, args struct{ N int }) error {
		switch {
		case args.N == 0:
			time.Sleep(time.Minute)
		case args.N == 1 && taskhawk.MetadataFrom(ctx).Attempt == 1:
			return taskhawk.RetryAfter(time.Second, errTest)
		case args.N == 2:
			return taskhawk.Permanent(errTest)
		}
		return nil
	})
	publisher, err := sqsx.NewPublisher(p.server.Client(), p.name, sqsx.PublisherConfig{Naming: p.naming})
	require.NoError(p, err)
	hub, err := taskhawk.NewHub(taskhawk.Config{
		Publisher: publisher, Tasks: []taskhawk.AnyTask{tasks}, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(p, err)
	for n := range 3 {
		for _, priority := range p.priorities {
			options := []taskhawk.DispatchOption{taskhawk.WithPriority(priority)}
			if p.fifo() {
				options = append(options, taskhawk.WithGroup("g"))
			}
			_, err := tasks.Dispatch(p.Context(), struct{ N int }{N: n}, options...)
			require.NoError(p, err)
		}
	}
	worker, err := sqsx.NewWorker(p.limited, p.name, hub, sqsx.WorkerConfig{
		Concurrency: 20, Naming: p.naming, Priorities: p.priorities,
	})
	require.NoError(p, err)
	ctx, cancel := context.WithTimeout(p.Context(), 3*time.Minute)
	defer cancel()
	require.NoError(p, worker.Run(ctx))
	for _, priority := range p.priorities {
		require.Empty(p, p.server.Queue(p.naming(p.name, priority)).Messages)
	}
}

// settle does what the event source mapping does in the function's name, and settles.
func (p *program) settle() {
	settler, err := sqsx.NewSettler(p.limited, sqsx.SettlerConfig{})
	require.NoError(p, err)
	for _, priority := range p.priorities {
		queue := p.naming(p.name, priority)
		url := aws.String(p.server.Queue(queue).URL)
		p.send(queue, 3)
		_, err := p.limited.GetQueueAttributes(p.Context(), &sqs.GetQueueAttributesInput{
			QueueUrl: url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
		})
		require.NoError(p, err)
		out, err := p.limited.ReceiveMessage(p.Context(), &sqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 10})
		require.NoError(p, err)
		require.Len(p, out.Messages, 3)
		delivery := func(m types.Message) *taskhawk.Delivery {
			return &taskhawk.Delivery{Body: *m.Body, MessageID: *m.MessageId, Receipt: *m.ReceiptHandle, Queue: queue, Attempt: 2}
		}
		require.NoError(p, settler.DeadLetter(p.Context(), delivery(out.Messages[0]), taskhawk.DeadLetter{Task: "t"}))
		require.NoError(p, settler.SetVisibility(p.Context(), delivery(out.Messages[1]), time.Minute))
		_, err = p.limited.DeleteMessage(p.Context(), &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: out.Messages[2].ReceiptHandle})
		require.NoError(p, err)
	}
}

// redrive has SQS move letters and stops it, then copies the rest.
func (p *program) redrive() {
	for _, priority := range p.priorities {
		p.send(sqsx.DeadLetterQueueName(p.naming(p.name, priority)), 20)
		config := sqsx.RedriveConfig{Priorities: []taskhawk.Priority{priority}, Naming: p.naming, Rate: 1}
		ctx, cancel := context.WithTimeout(p.Context(), 5*time.Second)
		_, err := sqsx.Redrive(ctx, p.limited, p.name, config)
		require.ErrorIs(p, err, context.DeadlineExceeded)
		cancel()
		config.Rate, config.Limit, config.Reason = 0, 3, func(string) bool { return true }
		_, err = sqsx.Redrive(p.Context(), p.limited, p.name, config)
		require.NoError(p, err)
	}
}

func (p *program) check() {
	config := sqscheck.Config{Worker: sqsx.WorkerConfig{Naming: p.naming, Priorities: p.priorities}}
	_, err := sqscheck.Check(p.Context(), p.limited, p.name, config)
	require.NoError(p, err)
}

// fire sends as EventBridge Scheduler does, and the firings that it could not send.
func (p *program) fire() {
	for _, queue := range append(p.queues(), p.name+"-schedules-DLQ") {
		_, err := p.limited.SendMessage(p.Context(), &sqs.SendMessageInput{
			QueueUrl: aws.String(p.server.Queue(queue).URL), MessageBody: aws.String("{}"),
		})
		require.NoError(p, err)
	}
}

func (a *declaredApp) queues() []string {
	var names []string
	for _, priority := range a.priorities {
		names = append(names, a.naming(a.name, priority))
	}
	return names
}

// publishToTopics makes the topics and subscriptions of the file: what is published
// arrives on the queues, as it was.
func (p *program) publishToTopics() {
	for id, values := range p.found["aws_sns_topic"] {
		topic, err := p.server.SNSClient().CreateTopic(p.Context(), &sns.CreateTopicInput{Name: aws.String(values["name"].AsString())})
		require.NoError(p, err)
		subscription := p.found["aws_sns_topic_subscription"][id]
		require.Equal(p, *topic.TopicArn, subscription["topic_arn"].AsString())
		_, err = p.server.SNSClient().Subscribe(p.Context(), &sns.SubscribeInput{
			TopicArn: topic.TopicArn, Protocol: aws.String(subscription["protocol"].AsString()),
			Endpoint: aws.String(subscription["endpoint"].AsString()), Attributes: map[string]string{
				"RawMessageDelivery": "true", "RedrivePolicy": subscription["redrive_policy"].AsString(),
			},
		})
		require.NoError(p, err)
	}
	publisher, err := lambdax.NewPublisher(p.topics, p.name, lambdax.PublisherConfig{Account: "000000000000"})
	require.NoError(p, err)
	for _, priority := range p.priorities {
		require.NoError(p, publisher.Publish(p.Context(), p.outgoing(priority)))
		synctest.Wait()
		messages := p.server.Queue(p.naming(p.name, priority)).Messages
		require.Len(p, messages, 1)
		require.Equal(p, "{}", messages[0].Body)
	}
}

// Each policy of the file allows what its program calls, and nothing else.
func TestPoliciesAllowJustWhatProgramsCall(t *testing.T) {
	t.Parallel()
	text, _ := generate(t, "apps.hcl", workers)
	found := parse(t, text)
	policies := programPolicies(found)
	policies["dev_myapp_schedules"] = found["aws_iam_role_policy"]["dev_myapp_schedules"]["policy"].AsString()
	work := map[string]func(*program){
		"publisher": (*program).publish, "worker": (*program).work, "function": (*program).settle,
		"redrive": (*program).redrive, "check": (*program).check, "schedules": (*program).fire,
		"topic_publisher": (*program).publishToTopics,
	}
	ran := 0
	for _, app := range declaredApps() {
		for role, do := range work {
			id := app.id(role)
			policy, ok := policies[id]
			if !ok {
				continue
			}
			ran++
			g := runProgram(t, app, policy, do)
			require.Empty(t, g.Denied(), "calls that the policy %s lacks", id)
			require.Empty(t, g.Unused(), "permissions in %s that its program does not need", id)
		}
	}
	require.Equal(t, len(policies), ran)
	require.Equal(t, 12+2, ran)
}
