package lambdax_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Each dispatch is one message, on the topic of its priority: the Python library 4.x
// publishes up to three copies.
func TestEachDispatchIsPublishedOnce(t *testing.T) {
	t.Parallel()
	onTopics(t, "", func(r *topicEnv) {
		task := taskhawk.New[doArgs]("do", nil)
		_, err := taskhawk.NewHub(taskhawk.Config{Publisher: r.publisher(), Tasks: []taskhawk.AnyTask{task}})
		require.NoError(r, err)
		var group sync.WaitGroup
		for n := range 40 {
			group.Go(func() {
				_, err := task.Dispatch(r.Context(), doArgs{N: n}, taskhawk.WithPriority(taskhawk.Priorities()[n%4]))
				require.NoError(r, err)
			})
		}
		group.Wait()
		_, err = task.DispatchAll(r.Context(), make([]doArgs, 25), taskhawk.WithPriority(taskhawk.Bulk))
		require.NoError(r, err)
		require.Equal(r, map[string]int{
			"taskhawk-dev-myapp": 10, "taskhawk-dev-myapp-high-priority": 10, "taskhawk-dev-myapp-low-priority": 10,
			"taskhawk-dev-myapp-bulk": 35,
		}, r.published())
		require.Empty(r, r.ClientErrors())
		require.Zero(r, r.Requests(sqstest.OpPublish))
		require.Zero(r, r.Requests(sqstest.OpListTopics))
	})
}

func TestPublishedMessage(t *testing.T) {
	t.Parallel()
	onTopics(t, "", func(r *topicEnv) {
		recorded := r.recorded("taskhawk-dev-myapp")
		out := outgoing(1)
		for n := range 20 {
			out.Headers[fmt.Sprintf("h%02d", n)] = "v"
		}
		out.Headers["traceparent"], out.Headers["not a name"] = "p", "v"
		require.NoError(r, r.publisher().Publish(r.Context(), out))
		synctest.Wait()
		var event events.SNSEvent
		require.NoError(r, json.Unmarshal([]byte((*recorded)[0]), &event))
		message := event.Records[0].SNS
		require.Equal(r, out.Body, message.Message)
		require.Len(r, message.MessageAttributes, 9, "a subscription with raw delivery discards a message with more")
		for name, value := range map[string]string{"taskhawk_task": "do", "traceparent": "p", "h": "v", "h05": "v"} {
			require.Equal(r, map[string]any{"Type": "String", "Value": value}, message.MessageAttributes[name], name)
		}
	})
}

// Tens share a call, up to the size that the topic takes.
func TestPublishBatchFillsItsCalls(t *testing.T) {
	t.Parallel()
	onTopics(t, "", func(r *topicEnv) {
		p := r.publisher()
		for _, err := range p.PublishBatch(r.Context(), outgoings(30)) {
			require.NoError(r, err)
		}
		require.Equal(r, taskhawk.RequestStats{Sends: taskhawk.Requests{Calls: 3, Messages: 30}}, p.Stats())
		require.Equal(r, 3, r.Requests(sqstest.OpPublishBatch))

		large := outgoings(4)
		for _, out := range large {
			out.Body = `"` + strings.Repeat("x", 100<<10) + `"`
		}
		for _, err := range p.PublishBatch(r.Context(), large) {
			require.NoError(r, err)
		}
		require.Equal(r, 5, r.Requests(sqstest.OpPublishBatch), "two of 100 KiB in each")
		require.Empty(r, r.ClientErrors())
		require.Equal(r, 34, r.total())
	})
}

func TestPublishRefusesWhatSNSWouldRefuse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		suffix, field, reason string
		change                func(out *taskhawk.Outgoing)
	}{
		"empty":        {"", "body", "is empty", func(out *taskhawk.Outgoing) { out.Body = "" }},
		"large":        {"", "size", "262144", func(out *taskhawk.Outgoing) { out.Body = strings.Repeat("x", 256<<10) }},
		"character":    {"", "body", "SNS refuses, at byte 1", func(out *taskhawk.Outgoing) { out.Body = "x\x00" }},
		"delay":        {"", "delay", "SNS delivers at once", func(out *taskhawk.Outgoing) { out.Delay = time.Second }},
		"FIFO, delay":  {".fifo", "delay", "SNS delivers at once", func(out *taskhawk.Outgoing) { out.Delay, out.Group = time.Second, "g" }},
		"id":           {"", "deduplication id", "FIFO topics only", func(out *taskhawk.Outgoing) { out.DeduplicationID = "d" }},
		"group":        {"", "group", "128", func(out *taskhawk.Outgoing) { out.Group = "a b" }},
		"FIFO, group":  {".fifo", "group", "taskhawk.WithGroup", func(*taskhawk.Outgoing) {}},
		"FIFO, id":     {".fifo", "deduplication id", "128", func(out *taskhawk.Outgoing) { out.Group, out.DeduplicationID = "g", "\x01" }},
		"invalid text": {"", "body", "at byte 2", func(out *taskhawk.Outgoing) { out.Body = "ab\xff" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onTopics(t, c.suffix, func(r *topicEnv) {
				out := outgoing(1)
				c.change(out)
				err := r.publisher().Publish(r.Context(), out)
				var limit *taskhawk.LimitError
				require.ErrorAs(r, err, &limit)
				require.Equal(r, "do "+c.field, limit.Task+" "+limit.Field)
				require.Contains(r, limit.Error(), c.reason)
				require.NotErrorIs(r, err, taskhawk.ErrOutcomeUnknown)
				require.Zero(r, r.TotalRequests())
			})
		})
	}
}

// The limits that are checked are those of SNS: one byte less is accepted.
func TestPublishTakesTheLargestMessage(t *testing.T) {
	t.Parallel()
	onTopics(t, "", func(r *topicEnv) {
		const mirror = "taskhawk_task" + "String" + "do" // the header is left out where it has no room
		out := outgoing(1)
		out.Body = strings.Repeat("x", lambdax.DefaultMessageSize-len(mirror))
		require.NoError(r, r.publisher().Publish(r.Context(), out))
		out.Body += "x"
		require.Error(r, r.publisher().Publish(r.Context(), out))

		arn, value, name := "arn:aws:sns:us-east-1:000000000000:taskhawk-dev-myapp", "1048576", "MaximumMessageSize"
		_, err := r.client.SetTopicAttributes(r.Context(), &sns.SetTopicAttributesInput{TopicArn: &arn, AttributeName: &name, AttributeValue: &value})
		require.NoError(r, err)
		r.config.MaxMessageSize = lambdax.MaxMessageSize
		out.Body = strings.Repeat("x", lambdax.MaxMessageSize-len(mirror))
		require.NoError(r, r.publisher().Publish(r.Context(), out))
		out.Body += "x"
		require.Error(r, r.publisher().Publish(r.Context(), out))
		require.Equal(r, 2, r.total())
	})
}

func TestPublishWithAPriorityThatIsNone(t *testing.T) {
	t.Parallel()
	onTopics(t, "", func(r *topicEnv) {
		out := outgoing(1)
		out.Priority = taskhawk.Priority(99)
		require.ErrorIs(r, r.publisher().Publish(r.Context(), out), taskhawk.ErrUnknownPriority)
	})
}

// A repeat with the same id is published once on a FIFO topic, and the order is that of
// the calls.
func TestPublishOnFIFOTopics(t *testing.T) {
	t.Parallel()
	onTopics(t, ".fifo", func(r *topicEnv) {
		p := r.publisher()
		for range 2 {
			outs := outgoings(25)
			for _, out := range outs {
				out.Group = "g"
			}
			for _, err := range p.PublishBatch(r.Context(), outs) {
				require.NoError(r, err)
			}
		}
		require.Equal(r, map[string]int{"taskhawk-dev-myapp.fifo": 25}, r.published())
		own := outgoing(99)
		own.Group, own.DeduplicationID = "g", "i0"
		require.NoError(r, p.Publish(r.Context(), own))
		require.Equal(r, 25, r.total(), "the caller's deduplication id wins")
	})
}

// Only the entry that may pass is sent again.
func TestPublishRetriesEntries(t *testing.T) {
	t.Parallel()
	onTopics(t, "", func(r *topicEnv) {
		r.Inject(sqstest.Fault{On: sqstest.OpPublishBatch, Nth: 1, Do: sqstest.FailEntries("InternalError", false, 1)})
		p := r.publisher()
		for _, err := range p.PublishBatch(r.Context(), outgoings(3)) {
			require.NoError(r, err)
		}
		require.Equal(r, taskhawk.RequestStats{Sends: taskhawk.Requests{Calls: 2, Messages: 4}}, p.Stats())
		require.Equal(r, 3, r.total())

		r.Inject(sqstest.Fault{On: sqstest.OpPublishBatch, Nth: 1, Do: sqstest.FailEntries("InvalidParameter", true, 1)})
		errs := p.PublishBatch(r.Context(), outgoings(3))
		require.NoError(r, errs[0])
		require.NoError(r, errs[2])
		var refused *smithy.GenericAPIError
		require.ErrorAs(r, errs[1], &refused)
		require.Equal(r, "InvalidParameter client", fmt.Sprint(refused.Code, " ", refused.Fault))
		require.NotErrorIs(r, errs[1], taskhawk.ErrOutcomeUnknown)
		require.Equal(r, int64(3), p.Stats().Sends.Calls, "the sender's fault is not tried again")
	})
}

// An internal error says nothing about the entry, which may be stored, whether it concerns
// one entry or the call.
func TestPublishWhenSNSFailsInside(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sqstest.Effect{
		"entry": sqstest.FailEntries("InternalError", false), "call": sqstest.Error("InternalError", "oops"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onTopics(t, "", func(r *topicEnv) {
				r.Inject(sqstest.Fault{On: sqstest.OpPublishBatch, After: true, Do: effect})
				require.ErrorIs(r, r.publisher().Publish(r.Context(), outgoing(1)), taskhawk.ErrOutcomeUnknown)
				require.Equal(r, 3, r.total())
			})
		})
	}
}

func TestPublishRetriesCalls(t *testing.T) {
	t.Parallel()
	onTopics(t, "", func(r *topicEnv) {
		for _, effect := range []sqstest.Effect{
			sqstest.Error("Throttled", "slow down"), sqstest.Error("KMSThrottling", "slow down"), sqstest.Status(503, "<html>"), sqstest.Reset(),
		} {
			r.Inject(sqstest.Fault{On: sqstest.OpPublishBatch, Nth: 1, Times: 2, Do: effect})
			require.NoError(r, r.publisher().Publish(r.Context(), outgoing(1)), effect)
		}
		require.Equal(r, 4, r.total())
		r.Inject(sqstest.Fault{On: sqstest.OpPublishBatch, Nth: 1, Do: sqstest.Error("AuthorizationError", "no")})
		var denied *types.AuthorizationErrorException
		require.ErrorAs(r, r.publisher().Publish(r.Context(), outgoing(1)), &denied)
		require.Equal(r, 13, r.Requests(sqstest.OpPublishBatch))
	})
}

// The answer is lost three times: the caller learns that the message may be published. It
// is, three times.
func TestPublishWhenTheAnswerIsLost(t *testing.T) {
	t.Parallel()
	onTopics(t, "", func(r *topicEnv) {
		r.Inject(sqstest.Fault{On: sqstest.OpPublishBatch, After: true, Times: 3, Do: sqstest.Reset()})
		err := r.publisher().Publish(r.Context(), outgoing(1))
		require.ErrorIs(r, err, taskhawk.ErrOutcomeUnknown)
		var failed *lambdax.TopicError
		require.ErrorAs(r, err, &failed)
		require.Equal(r, "taskhawk-dev-myapp", failed.Topic)
		require.NotContains(r, err.Error(), "\n")
		require.Equal(r, 3, r.total())
	})
}

// An entry that the answer does not name is sent again, and is unknown at the end.
func TestPublishWhenTheAnswerLacksAnEntry(t *testing.T) {
	t.Parallel()
	onTopics(t, "", func(r *topicEnv) {
		r.Inject(sqstest.Fault{On: sqstest.OpPublishBatch, Do: sqstest.OmitEntries()})
		require.ErrorIs(r, r.publisher().Publish(r.Context(), outgoing(1)), taskhawk.ErrOutcomeUnknown)
		require.Equal(r, 3, r.Requests(sqstest.OpPublishBatch))
	})
}

// Nothing was sent, so the message is certainly not published, and another attempt would
// fail too.
func TestPublishWithoutCredentials(t *testing.T) {
	t.Parallel()
	onTopics(t, "", func(r *topicEnv) {
		calls, none := 0, errors.New("no EC2 IMDS role found")
		r.client = r.SNSClient(func(o *sns.Options) {
			o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				calls++
				return aws.Credentials{}, none
			})
		})
		err := r.publisher().Publish(r.Context(), outgoing(1))
		require.ErrorIs(r, err, none)
		require.NotErrorIs(r, err, taskhawk.ErrOutcomeUnknown)
		require.Equal(r, 1, calls)
	})
}

// The SDK would count each of the three attempts as the first of one.
func TestErrorsCountNoAttempts(t *testing.T) {
	t.Parallel()
	onTopics(t, "", func(r *topicEnv) {
		r.Inject(sqstest.Fault{On: sqstest.OpPublishBatch, Do: sqstest.Error("InternalError", "oops")})
		err := r.publisher().Publish(r.Context(), outgoing(1))
		require.ErrorContains(r, err, "oops")
		require.NotContains(r, err.Error(), "attempts")
		require.Equal(r, 3, r.Requests(sqstest.OpPublishBatch))
	})
}

// While SNS does not answer, a dispatch waits in line for 20 s and in its call for 20 s,
// however many others are in front.
func TestManyPublishersGiveUpOnASilentServer(t *testing.T) {
	t.Parallel()
	onTopics(t, "", func(r *topicEnv) {
		r.Inject(sqstest.Fault{On: sqstest.OpPublishBatch, Do: sqstest.Silence()})
		p := r.publisher()
		var callers sync.WaitGroup
		for n := range 400 {
			callers.Go(func() {
				start := time.Now()
				require.Error(r, p.Publish(context.Background(), outgoing(n)))
				require.LessOrEqual(r, time.Since(start), 40*time.Second)
			})
			time.Sleep(time.Millisecond)
		}
		callers.Wait()
	})
}

func TestPublishGivesUpOnASilentServer(t *testing.T) {
	t.Parallel()
	onTopics(t, "", func(r *topicEnv) {
		r.Inject(sqstest.Fault{Do: sqstest.Silence()})
		start := time.Now()
		err := r.publisher().Publish(r.Context(), outgoing(1))
		require.ErrorIs(r, err, taskhawk.ErrOutcomeUnknown)
		require.Equal(r, 20*time.Second, time.Since(start))

		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		start = time.Now()
		err = r.publisher().Publish(ctx, outgoing(1))
		require.ErrorIs(r, err, taskhawk.ErrOutcomeUnknown)
		require.ErrorIs(r, err, context.DeadlineExceeded)
		require.Equal(r, time.Second, time.Since(start))
		time.Sleep(time.Minute) // the call ends by itself
	})
}

func TestNewPublisherRefusesBadConfigs(t *testing.T) {
	t.Parallel()
	server := sqstest.NewUnstartedServer()
	defer server.Close()
	for text, config := range map[string]lambdax.PublisherConfig{
		"Linger":         {Linger: -1},
		"MaxMessageSize": {MaxMessageSize: 1<<20 + 1},
		"1024":           {MaxMessageSize: 1},
		"12 digits":      {Account: "12345678901x"},
		"for Region":     {Region: "us-east-1"},
		"or Partition":   {Partition: "aws"},
		"letters":        {Naming: func(string, taskhawk.Priority) string { return "a.b" }},
		"characters":     {Naming: func(string, taskhawk.Priority) string { return ".fifo" }},
	} {
		_, err := lambdax.NewPublisher(server.SNSClient(), app, config)
		require.ErrorContains(t, err, "lambdax: new publisher: ")
		require.ErrorContains(t, err, text)
	}
	_, err := lambdax.NewPublisher(nil, app, lambdax.PublisherConfig{})
	require.ErrorContains(t, err, "nil PublisherAPI")
	_, err = lambdax.NewPublisher(server.SNSClient(), "", lambdax.PublisherConfig{})
	require.ErrorContains(t, err, "no name")
}

// The characters beside the ranges that SNS takes, and the longest name.
func TestTopicNamesAreWhatSNSTakes(t *testing.T) {
	t.Parallel()
	server := sqstest.NewUnstartedServer()
	defer server.Close()
	create := func(name string) error {
		naming := func(string, taskhawk.Priority) string { return name }
		_, err := lambdax.NewPublisher(server.SNSClient(), app, lambdax.PublisherConfig{Naming: naming})
		return err
	}
	for _, name := range []string{"a-z_A-Z", "azAZ09", "azAZ09.fifo", strings.Repeat("z", 256)} {
		require.NoError(t, create(name))
	}
	for _, c := range "@[`{. \u00e9" {
		require.ErrorContains(t, create("a"+string(c)), "SNS takes letters, digits, '-' and '_'")
	}
	for _, c := range "/:" { // as in a URL and an ARN
		require.ErrorContains(t, create("a"+string(c)), "a name is expected")
	}
	require.ErrorContains(t, create(strings.Repeat("z", 257)), "has 257 characters; SNS takes 1 to 256")
}
