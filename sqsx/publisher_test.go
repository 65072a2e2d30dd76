package sqsx_test

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

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestPublishLooksUpAQueueOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, succeed)
		before := r.server.Requests("GetQueueUrl")
		for n := range 20 {
			go r.dispatch(n)
		}
		synctest.Wait()
		require.LessOrEqual(t, r.server.Requests("SendMessageBatch"), 10, "they share requests, however they are scheduled")
		require.Len(t, r.messages(*name(taskhawk.Default)), 20)
		require.Equal(t, 1, r.server.Requests("GetQueueUrl")-before)
	})
}

func TestPublishedMessageHasBodyAndMirror(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, succeed)
		headers := taskhawk.Headers{"traceparent": "00-1", "empty": "", "AWS.x": "refused", "bad name": "x", "control": "\x01"}
		for i := range 12 {
			headers[fmt.Sprintf("h%02d", i)] = "v"
		}
		r.dispatch(1, taskhawk.WithHeaders(headers), taskhawk.WithPriority(taskhawk.High))
		messages := r.messages(*name(taskhawk.High))
		require.Len(t, messages, 1)
		var body struct {
			Task    string
			Headers map[string]string
		}
		require.NoError(t, json.Unmarshal([]byte(messages[0].Body), &body))
		require.Equal(t, map[string]string(headers), body.Headers, "the body has all of them")
		var names []string
		for attribute, value := range messages[0].Attributes {
			names = append(names, attribute+"="+value)
		}
		require.ElementsMatch(t, []string{
			"taskhawk_task=tests.number", "traceparent=00-1",
			"h00=v", "h01=v", "h02=v", "h03=v", "h04=v", "h05=v", "h06=v",
		}, names)
	})
}

func TestSendMessageInputIsWhatAPublisherSends(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, succeed)
		out := &taskhawk.Outgoing{
			ID: "i1", Task: "tests.number", Body: "b", Headers: taskhawk.Headers{"k": "v"}, Group: "tenant", Delay: time.Millisecond,
		}
		url, err := r.client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: name(taskhawk.Default)})
		require.NoError(t, err)
		in, err := sqsx.SendMessageInput(out, *url.QueueUrl, sqsx.PublisherConfig{})
		require.NoError(t, err)
		_, err = r.client.SendMessage(t.Context(), in)
		require.NoError(t, err)
		publisher, err := sqsx.NewPublisher(r.client, app, sqsx.PublisherConfig{})
		require.NoError(t, err)
		require.NoError(t, publisher.Publish(t.Context(), out))
		require.Equal(t, int32(1), in.DelaySeconds, "rounded up")
		time.Sleep(2 * time.Second)
		messages := r.messages(*name(taskhawk.Default))
		require.Len(t, messages, 2)
		require.Equal(t, messages[1].Body, messages[0].Body)
		require.Equal(t, messages[1].Attributes, messages[0].Attributes)
		require.Equal(t, map[string]string{"taskhawk_task": "tests.number", "k": "v"}, messages[0].Attributes)
		require.Equal(t, messages[1].GroupID, messages[0].GroupID)
	})
}

func TestSendMessageInputRefusesWhatSQSWouldRefuse(t *testing.T) {
	t.Parallel()
	for field, out := range map[string]taskhawk.Outgoing{
		"delay": {Body: "b", Delay: 16 * time.Minute},
		"size":  {Body: strings.Repeat("b", 2000)},
	} {
		_, err := sqsx.SendMessageInput(&out, "https://sqs/1/q", sqsx.PublisherConfig{MaxMessageSize: 1024})
		limit, ok := errors.AsType[*taskhawk.LimitError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, field, limit.Field)
	}
	_, err := sqsx.SendMessageInput(&taskhawk.Outgoing{Body: "b", Delay: 16 * time.Minute}, "https://sqs/1/q", sqsx.PublisherConfig{})
	require.ErrorContains(t, err, "sqsx/schedule", "it names the way that goes")
	_, err = sqsx.SendMessageInput(&taskhawk.Outgoing{Body: "b"}, "https://sqs/1/q.fifo", sqsx.PublisherConfig{})
	require.ErrorContains(t, err, "group is missing")
	_, err = sqsx.SendMessageInput(&taskhawk.Outgoing{Body: "b"}, "https://sqs/1/q", sqsx.PublisherConfig{MaxAttributes: 11})
	require.ErrorContains(t, err, "MaxAttributes 11")
}

func TestPublishRefusesWhatSQSWouldRefuse(t *testing.T) {
	t.Parallel()
	server := sqstest.NewUnstartedServer()
	t.Cleanup(server.Close)
	standard, err := sqsx.NewPublisher(server.Client(), app, sqsx.PublisherConfig{})
	require.NoError(t, err)
	fifo, err := sqsx.NewPublisher(server.Client(), app, sqsx.PublisherConfig{Naming: fifoName})
	require.NoError(t, err)
	attributes := len("taskhawk_task") + len("String") + len("t")
	for _, c := range []struct {
		name  string
		to    *sqsx.Publisher
		out   taskhawk.Outgoing
		field string
	}{
		{"no body", standard, taskhawk.Outgoing{}, "body"},
		{"control character", standard, taskhawk.Outgoing{Body: "a\x00"}, "body"},
		{"noncharacter", standard, taskhawk.Outgoing{Body: "a\uffff"}, "body"},
		{"invalid UTF-8", standard, taskhawk.Outgoing{Body: "a\xff"}, "body"},
		{"size", standard, taskhawk.Outgoing{Body: strings.Repeat("a", sqsx.MaxMessageSize-attributes+1)}, "size"},
		{"delay", standard, taskhawk.Outgoing{Body: "a", Delay: 15*time.Minute + 1}, "delay"},
		{"group", standard, taskhawk.Outgoing{Body: "a", Group: strings.Repeat("g", 129)}, "group"},
		{"group characters", standard, taskhawk.Outgoing{Body: "a", Group: "a b"}, "group"},
		{"deduplication on a standard queue", standard, taskhawk.Outgoing{Body: "a", DeduplicationID: "1"}, "deduplication id"},
		{"deduplication characters", fifo, taskhawk.Outgoing{Body: "a", Group: "g", DeduplicationID: "\u00e9"}, "deduplication id"},
		{"no group on FIFO", fifo, taskhawk.Outgoing{Body: "a"}, "group"},
		{"delay on FIFO", fifo, taskhawk.Outgoing{Body: "a", Group: "g", Delay: time.Second}, "delay"},
	} {
		c.out.Task = "t"
		var refused *taskhawk.LimitError
		require.ErrorAs(t, c.to.Publish(t.Context(), &c.out), &refused, c.name)
		require.Equal(t, "t", refused.Task, c.name)
		require.Equal(t, c.field, refused.Field, c.name)
		require.ErrorAs(t, c.to.PublishBatch(t.Context(), []*taskhawk.Outgoing{&c.out})[0], &refused, c.name)
	}
	require.Zero(t, server.TotalRequests())
}

func fifoName(queue string, priority taskhawk.Priority) string {
	return sqsx.QueueName(queue, priority) + ".fifo"
}

func TestPublishTakesTheLargestMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, succeed)
		publisher, err := sqsx.NewPublisher(r.client, app, sqsx.PublisherConfig{})
		require.NoError(t, err)
		room := sqsx.MaxMessageSize - len("taskhawk_task") - len("String") - len("t")
		out := &taskhawk.Outgoing{Task: "t", Body: strings.Repeat("a", room)}
		require.NoError(t, publisher.Publish(t.Context(), out))
	})
}

func TestPublishToAMissingQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.NewUnstartedServer()
		defer server.Close()
		publisher, err := sqsx.NewPublisher(server.Client(), app, sqsx.PublisherConfig{})
		require.NoError(t, err)
		out := &taskhawk.Outgoing{Task: "t", Body: "a"}
		for _, err := range append(publisher.PublishBatch(t.Context(), []*taskhawk.Outgoing{out}), publisher.Publish(t.Context(), out)) {
			var missing *types.QueueDoesNotExist
			require.ErrorAs(t, err, &missing)
			var located *sqsx.QueueError
			require.ErrorAs(t, err, &located)
			require.Equal(t, "TASKHAWK-DEV-MYAPP", located.Queue)
			require.ErrorContains(t, err, "create it, for example with sqsx.Provision")
		}
	})
}

func TestPublishSaysWhetherAMissingQueueIsATypo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, succeed)
		r.deleteQueue(*name(taskhawk.Default))
		publisherOf := func(app string, config sqsx.PublisherConfig) *sqsx.Publisher {
			publisher, err := sqsx.NewPublisher(r.client, app, config)
			require.NoError(t, err)
			return publisher
		}
		out := &taskhawk.Outgoing{Task: "t", Body: "a"}
		for app, want := range map[string]string{
			"dev-myap": `create it, for example with sqsx.Provision; none of the queues of "dev-myap" is found: ` +
				"check the application's name, account and region",
			app: `create it, for example with sqsx.Provision; other queues of "dev-myapp" exist: ` +
				"TASKHAWK-DEV-MYAPP-HIGH-PRIORITY, TASKHAWK-DEV-MYAPP-LOW-PRIORITY, TASKHAWK-DEV-MYAPP-BULK",
		} {
			publisher := publisherOf(app, sqsx.PublisherConfig{})
			before := r.server.Requests("GetQueueUrl")
			for range 10 {
				err := publisher.Publish(t.Context(), out)
				require.ErrorContains(t, err, want)
				_, missing := errors.AsType[*types.QueueDoesNotExist](err)
				require.True(t, missing)
			}
			require.Equal(t, before+10+3, r.server.Requests("GetQueueUrl"), "the others are looked up once a minute")
			time.Sleep(time.Minute)
			require.ErrorContains(t, publisher.Publish(t.Context(), out), want)
			require.Equal(t, before+10+3+1+3, r.server.Requests("GetQueueUrl"))
		}

		// Silence proves nothing about the others.
		publisher := publisherOf("dev-myap", sqsx.PublisherConfig{})
		r.server.Inject(sqstest.Fault{On: sqstest.OpGetQueueURL, Nth: 2, Do: sqstest.Delay(time.Hour)})
		start := time.Now()
		err := publisher.Publish(t.Context(), out)
		require.True(t, strings.HasSuffix(err.Error(), "create it, for example with sqsx.Provision"), err)
		require.Equal(t, 2*time.Second, time.Since(start))

		few := func(app string, priority taskhawk.Priority) string { return sqsx.QueueName(app+"-of-few", 0) }
		require.ErrorContains(t, publisherOf("dev-myap", sqsx.PublisherConfig{Naming: few}).Publish(t.Context(), out), "none of the queues")
	})
}

func TestANamingThatReturnsAURL(t *testing.T) {
	t.Parallel()
	client := sqstest.NewUnstartedServer().Client()
	naming := func(string, taskhawk.Priority) string {
		return "https://sqs.us-east-1.amazonaws.com/111122223333/TASKHAWK-DEV-MYAPP"
	}
	const want = "a URL or ARN where a name is expected"
	_, err := sqsx.NewPublisher(client, app, sqsx.PublisherConfig{Naming: naming})
	require.ErrorContains(t, err, want)
	_, err = sqsx.Redrive(t.Context(), client, app, sqsx.RedriveConfig{Naming: naming, Priorities: []taskhawk.Priority{taskhawk.Default}})
	require.ErrorContains(t, err, want)
}

func TestPublishToQueuesOfAnotherAccount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, succeed)
		out := &taskhawk.Outgoing{Task: "t", Body: "a"}
		publisher, err := sqsx.NewPublisher(r.client, app, sqsx.PublisherConfig{Account: "000000000000"})
		require.NoError(t, err)
		require.NoError(t, publisher.Publish(t.Context(), out))
		require.Len(t, r.messages(*name(taskhawk.Default)), 1)

		publisher, err = sqsx.NewPublisher(r.client, app, sqsx.PublisherConfig{Account: "111122223333"})
		require.NoError(t, err)
		err = publisher.Publish(t.Context(), out)
		require.EqualError(t, err, "queue TASKHAWK-DEV-MYAPP does not exist in account 111122223333 and this region, "+
			"or its policy denies sqs:GetQueueUrl; "+
			`none of the queues of "dev-myapp" is found: check the application's name, account and region`)
		_, err = sqsx.NewPublisher(r.client, app, sqsx.PublisherConfig{Account: "1111-2222-3333"})
		require.ErrorContains(t, err, "12 digits")
	})
}

func TestNewPublisherRefusesBadNames(t *testing.T) {
	t.Parallel()
	client := sqstest.NewUnstartedServer().Client()
	for queue, want := range map[string]string{
		"":                      "no name",
		"a b":                   "SQS takes letters",
		"a.b":                   "SQS takes letters",
		strings.Repeat("a", 80): "SQS takes 80",
		"https://sqs.us-east-1.amazonaws.com/111122223333/TASKHAWK-DEV-MYAPP": "a URL or ARN",
		"arn:aws:sqs:us-east-1:111122223333:TASKHAWK-DEV-MYAPP":               "a URL or ARN",
	} {
		_, err := sqsx.NewPublisher(client, queue, sqsx.PublisherConfig{})
		require.ErrorContains(t, err, want)
	}
	_, err := sqsx.NewPublisher(nil, app, sqsx.PublisherConfig{})
	require.ErrorContains(t, err, "nil API")
	var none *sqs.Client
	_, err = sqsx.NewPublisher(none, app, sqsx.PublisherConfig{})
	require.ErrorContains(t, err, "nil API", "a nil pointer in the interface")
}

func TestDispatchAllSendsTens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, succeed)
		ids, err := r.number.DispatchAll(t.Context(), make([]numberArgs, 25))
		require.NoError(t, err)
		require.Len(t, ids, 25)
		require.Equal(t, 3, r.server.Requests("SendMessageBatch"))
		require.Len(t, r.messages(*name(taskhawk.Default)), 25)
	})
}

func TestPublishBatchSplitsBySize(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, succeed)
		publisher, err := sqsx.NewPublisher(r.client, app, sqsx.PublisherConfig{})
		require.NoError(t, err)
		outs := make([]*taskhawk.Outgoing, 10)
		for i := range outs {
			outs[i] = &taskhawk.Outgoing{Task: "t", Body: strings.Repeat("a", 200<<10) + fmt.Sprint(i)}
		}
		for _, err := range publisher.PublishBatch(t.Context(), outs) {
			require.NoError(t, err)
		}
		require.Equal(t, 2, r.server.Requests("SendMessageBatch"), "five of 200 KiB fit into 1 MiB")
		for i, message := range r.messages(*name(taskhawk.Default)) {
			require.True(t, strings.HasSuffix(message.Body, fmt.Sprint(i)), "in order")
		}
	})
}

// The SDK would count each of the three attempts as the first of one.
func TestErrorsCountNoAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newEnv(t, succeed)
		r.server.Inject(sqstest.Fault{On: sqstest.OpSendMessageBatch, Do: sqstest.Error("InternalError", "oops")})
		_, err := r.number.Dispatch(t.Context(), numberArgs{})
		require.ErrorContains(t, err, "oops")
		require.NotContains(t, err.Error(), "attempts")
		require.Equal(t, 3, r.server.Requests("SendMessageBatch"))
	})
}

// While SQS does not answer, a dispatch waits in line for 20 s and in its call for 20 s,
// however many others are in front.
func TestManyPublishersGiveUpOnASilentServer(t *testing.T) {
	t.Parallel()
	for name, newEnv := range map[string]func(t *testing.T) *env{
		"standard": func(t *testing.T) *env { t.Helper(); return newEnv(t, succeed) }, "FIFO": newFIFO,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newEnv(t)
				r.server.Inject(sqstest.Fault{On: sqstest.OpSendMessageBatch, Do: sqstest.Silence()})
				r.server.Inject(sqstest.Fault{On: sqstest.OpGetQueueURL, Nth: 1, Do: sqstest.Delay(9 * time.Second)})
				var callers sync.WaitGroup
				for n := range 400 {
					callers.Go(func() {
						start := time.Now()
						_, err := r.number.Dispatch(context.Background(), numberArgs{N: n}, taskhawk.WithGroup("g"))
						require.Error(t, err)
						require.LessOrEqual(t, time.Since(start), 40*time.Second)
						if time.Since(start) == 20*time.Second && !errors.Is(err, taskhawk.ErrOutcomeUnknown) {
							require.ErrorContains(t, err, ": not sent: ")
						}
					})
					time.Sleep(time.Millisecond)
				}
				callers.Wait()
				require.LessOrEqual(t, r.server.Requests("SendMessageBatch"), 2*2*8)
			})
		})
	}
}

// A batch may take hours while its messages are stored: ctx limits it.
func TestALargeBatchTakesItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newFIFO(t)
		r.server.Inject(sqstest.Fault{On: sqstest.OpSendMessageBatch, Do: sqstest.Delay(2 * time.Second)})
		start := time.Now()
		_, err := r.number.DispatchAll(t.Context(), numbers(200), taskhawk.WithGroup("g"))
		require.NoError(t, err)
		require.Equal(t, 400*time.Second, time.Since(start))
	})
}

func TestPublishGivesUpOnASilentServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		publisher, err := sqsx.NewPublisher(silentAPI{}, app, sqsx.PublisherConfig{})
		require.NoError(t, err)
		start := time.Now()
		err = publisher.Publish(t.Context(), &taskhawk.Outgoing{Task: "t", Body: "a"})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, taskhawk.ErrOutcomeUnknown)
		require.Equal(t, 20*time.Second, time.Since(start))
	})
}
