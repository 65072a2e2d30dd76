package faults_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax/lambdatest"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// late are the headers of invocations whose deadline has passed, or is missing.
func late() map[string]lambdatest.InvokeOption {
	past := func(d time.Duration) lambdatest.InvokeOption {
		return lambdatest.WithHeader(lambdatest.HeaderDeadline, strconv.FormatInt(time.Now().Add(-d).UnixMilli(), 10))
	}
	return map[string]lambdatest.InvokeOption{
		"now": past(0), "an hour ago": past(time.Hour), "1970": lambdatest.WithHeader(lambdatest.HeaderDeadline, "0"),
		"missing": lambdatest.WithHeader(lambdatest.HeaderDeadline, ""), "no number": lambdatest.WithHeader(lambdatest.HeaderDeadline, "soon"),
	}
}

// Nothing is started when there is no time, and everything comes back.
func TestT20DeadlinePastOrMissing(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]functionConfig{
		"partial": {Partial: true}, "whole": {}, "partial, groups": {Partial: true, SkipGroups: true, Concurrency: 4}, "both": {Both: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startFunction(t, "deadline past or missing", config)
			for when, option := range late() {
				v := r.batch(orders("ok", "ok", "ok"), option)
				require.Len(t, v.failed, 3, when)
				require.Empty(t, r.ranOf(v.orders), when)
				if config.Partial && when != "missing" && when != "no number" {
					require.Nil(t, v.Error, when)
				} else {
					require.NotNil(t, v.Error, when)
				}
			}
			require.Empty(t, r.batch(orders("ok")).failed, "the process lives")
			require.Equal(t, 1, r.Starts())
			r.check()
		})
	}
}

// The same for topics: nothing runs, and the error makes Lambda try again.
func TestT20DeadlinePastOrMissingForTopics(t *testing.T) {
	t.Parallel()
	r := startFunction(t, "deadline past or missing", functionConfig{SNS: true})
	for when, option := range late() {
		list := orders("ok", "ok")
		result := r.notify(list, nil, option)
		require.NotNil(t, result.Error, when)
		require.Empty(t, r.ranOf(list), when)
	}
	require.Nil(t, r.notify(orders("ok"), nil).Error)
	require.Equal(t, 1, r.Starts())
	r.check()
}

// mixed is a batch in which all goes wrong that can, and what is to come back.
func mixed() (list []order, failed []int) {
	list = orders("ok", "fail", "panic", "ignore", "goexit", "permanent", "ok", "recover", "ok", "ok", "ok", "ok")
	list[8].body, list[9].body = "{", "" // cut off
	list[9].task, list[10].task = "tests.unknown", "tests.order"
	list[10].body = strings.Replace((&order{do: "ok"}).text(), `,0,0,`, `,"zero",0,`, 1)
	return list, []int{1, 2, 4, 5, 7, 8, 9, 10}
}

// idsOf are the ids of some records of a batch.
func idsOf(list []order, places []int) []string {
	var ids []string
	for _, place := range places {
		ids = append(ids, list[place].id)
	}
	return ids
}

// answer is the response that names these records.
func answer(ids ...string) string {
	items := make([]string, len(ids))
	for i, id := range ids {
		items[i] = fmt.Sprintf(`{"itemIdentifier":%q}`, id)
	}
	return `{"batchItemFailures":[` + strings.Join(items, ",") + `]}`
}

// Just what failed comes back where the mapping lets a function say so.
func TestT47PartialBatch(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]functionConfig{
		"one after the other": {Partial: true}, "at once": {Partial: true, Concurrency: 5}, "both": {Partial: true, Both: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startFunction(t, "batches of all kinds, reported in part", config)
			list, failed := mixed()
			v := r.batch(list)
			require.Nil(t, v.Error)
			require.Equal(t, idsOf(list, failed), v.failed)
			require.JSONEq(t, answer(v.failed...), string(v.Response))
			require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 11}, r.ranOf(list), "those that can be read")

			require.Equal(t, answer(), string(r.batch(orders("ok", "ignore", "ok")).Response))
			v = r.batch(orders("fail", "panic"))
			require.Len(t, v.failed, 2)
			require.Nil(t, v.Error)
			require.Equal(t, 1, r.Starts(), "no panic reaches lambda.Start")
			r.check()
		})
	}
}

// The default is safe with a mapping that does not look at the answer: an error if, and
// only if, anything failed.
func TestT47WholeBatch(t *testing.T) {
	t.Parallel()
	r := startFunction(t, "batches of all kinds, reported as a whole", functionConfig{})
	list, failed := mixed()
	v := r.batch(list)
	require.Contains(t, v.Error.Message, fmt.Sprintf("%d of %d records failed", len(failed), len(list)))
	require.Empty(t, v.done)
	require.NotContains(t, string(v.Error.Body), canaryArgument)
	for _, failure := range []string{"fail", "panic", "goexit", "permanent", "recover"} {
		require.NotNil(t, r.batch(orders("ok", failure)).Error, failure)
	}
	v = r.batch(orders("ok", "ignore", "ok"))
	require.Nil(t, v.Error)
	require.Len(t, v.done, 3)
	r.check()
}

// grouped gives the records of a batch groups.
func grouped(list []order, groups string) []order {
	for i := range list {
		list[i].group = groups[i : i+1]
	}
	return list
}

// Order holds: nothing of a group runs after its failure, and with the default nothing at
// all.
func TestT47GroupsOfFIFOQueues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		config      functionConfig
		ran, failed []int
	}{
		{"stop", functionConfig{Partial: true}, []int{0, 1}, []int{1, 2, 3, 4}},
		{"skip the group", functionConfig{Partial: true, SkipGroups: true}, []int{0, 1, 2, 4}, []int{1, 3}},
		{"skip the group, at once", functionConfig{Partial: true, SkipGroups: true, Concurrency: 3}, []int{0, 1, 2, 4}, []int{1, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := startFunction(t, "batches of a FIFO queue", c.config)
			for _, failure := range []string{"fail", "panic", "goexit"} {
				v := r.batch(grouped(orders("ok", failure, "ok", "ok", "ok"), "aabac"))
				require.Equal(t, c.ran, r.ranOf(v.orders))
				require.Equal(t, idsOf(v.orders, c.failed), v.failed)
			}
			require.Empty(t, r.batch(grouped(orders("ok", "ok", "ok"), "aab")).failed)
			r.check()
		})
	}
}

func TestT47OddBatches(t *testing.T) {
	t.Parallel()
	r := startFunction(t, "duplicate ids, no ids, empty batches", functionConfig{Partial: true})
	for _, event := range []string{`{"Records":[]}`, `{"Records":null}`, `{}`} {
		require.Contains(t, r.give([]byte(event)).Error.Message, "unknown event: no records", event)
	}
	for _, do := range []string{"ok", "fail"} {
		list := orders(do, "ok", do)
		list[0].id, list[2].id = "twice-"+do, "twice-"+do
		v := r.batch(list)
		require.Equal(t, []int{1, 2}, r.ranOf(list), "a message runs once, by the receipt that counts")
		require.Equal(t, do == "ok", string(v.Response) == answer())
		require.Equal(t, do == "fail", string(v.Response) == answer("twice-fail"), "%s", v.Response)
	}
	// A record without an id cannot be named: an empty id would do, but then in Lambda's
	// words.
	list := orders("ok", "fail")
	r.number(list)
	list[1].id = ""
	require.Contains(t, r.give(r.sqsEvent(list)).Error.Message, "1 of 2 records failed")
	r.check()
}

func TestT47ErrorWhenAllFailed(t *testing.T) {
	t.Parallel()
	r := startFunction(t, "an error when all failed", functionConfig{Partial: true, ErrorIfAll: true})
	require.NotNil(t, r.batch(orders("fail", "panic")).Error)
	require.Nil(t, r.batch(orders("fail", "ok")).Error)
	require.Contains(t, r.batch(nil).Error.Message, "unknown event: no records")
	r.check()
}

// A process that dies takes its batch with it, and all of that comes back.
func TestT47ProcessDies(t *testing.T) {
	t.Parallel()
	r := startFunction(t, "the process dies in the middle of a batch", functionConfig{Partial: true})
	v := r.batch(orders("ok", "exit", "ok"))
	require.Equal(t, lambdatest.ErrorExit, v.Error.Type)
	require.Len(t, v.failed, 3)
	require.Empty(t, r.batch(orders("ok")).failed)
	require.Equal(t, 2, r.Starts())
	r.check()
}

// Several invocations run in one process at once, and none gets what is another's.
func TestT47InvocationsAtOnce(t *testing.T) {
	t.Parallel()
	const invocations = 8
	several := func(c *lambdatest.Config) { c.Concurrency = invocations }
	r := startFunction(t, "invocations at once in one process", functionConfig{Partial: true, Concurrency: 2}, several)
	batches, results := make([][]order, 4*invocations), make([]lambdatest.Result, 4*invocations)
	var group sync.WaitGroup
	for i := range batches {
		batches[i] = orders("ok", "fail", "ok", "panic", "goexit")[:i%5+1]
		r.number(batches[i])
		batches[i][0].takes = 20 * time.Millisecond
		event := r.sqsEvent(batches[i])
		group.Go(func() {
			result, err := r.Invoke(t.Context(), event)
			if err != nil {
				t.Error(err)
			}
			results[i] = result
		})
	}
	group.Wait()
	for i, list := range batches {
		v := r.judge(list, results[i])
		var failed []int
		for place, o := range list {
			if o.do != "ok" {
				failed = append(failed, place)
			}
		}
		require.Equal(t, idsOf(list, failed), v.failed)
		require.Len(t, r.ranOf(list), len(list))
	}
	require.Equal(t, 1, r.Starts())
	r.check()
}

// An idle process is told to end, and does.
func TestT47SIGTERM(t *testing.T) {
	t.Parallel()
	r := startFunction(t, "SIGTERM", functionConfig{Partial: true, SIGTERM: true})
	require.Empty(t, r.batch(orders("ok", "ok")).failed)
	// Shutdown gives it half a second, which may be too little on a busy machine.
	require.Eventually(t, func() bool { return r.Signal(syscall.SIGTERM) != nil }, time.Minute, time.Millisecond, "it ends")
	require.Equal(t, "exit status 0", r.Shutdown().String())
	require.Contains(t, r.output(), "told to end")
	r.check()

	deaf := startFunction(t, "SIGTERM", functionConfig{Partial: true})
	require.Len(t, deaf.batch(orders("ok", "fail")).failed, 1)
	require.Equal(t, "signal: killed", deaf.Shutdown().String())
	deaf.check()
}

// Random batches, of standard and of FIFO queues: judge finds a record that is done for
// Lambda and was not.
func TestT47RandomBatches(t *testing.T) {
	t.Parallel()
	what := []string{"ok", "ok", "ok", "ignore", "fail", "panic", "goexit", "permanent", "recover"}
	for name, config := range map[string]functionConfig{
		"partial": {Partial: true, Concurrency: 3}, "groups": {Partial: true, SkipGroups: true, Concurrency: 3}, "whole": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startFunction(t, "random batches", config)
			random := rand.New(rand.NewPCG(1, uint64(len(name))))
			for range sized(150, 3000) {
				list := make([]order, random.IntN(12))
				for i := range list {
					list[i].do = what[random.IntN(len(what))]
					if config.SkipGroups {
						list[i].group = string(rune('a' + random.IntN(3)))
					}
				}
				r.batch(list)
			}
			require.Equal(t, 1, r.Starts())
			r.check()
		})
	}
}

// A queue feeds a function whose process is killed again and again: every task ends, done
// or as a dead letter, and none is lost.
func TestT47QueueFeedsAProcessThatIsKilled(t *testing.T) {
	t.Parallel()
	const tasks = 60
	server := sqstest.NewServer()
	defer server.Close()
	client := server.Client()
	require.NoError(t, sqsx.Provision(t.Context(), client, app, sqsx.ProvisionConfig{VisibilityTimeout: 2 * time.Second, MaxReceiveCount: 1000}))
	r := startFunction(t, "a queue feeds a function that is killed", functionConfig{Partial: true, Visibility: true}, func(c *lambdatest.Config) {
		c.Env["AWS_ENDPOINT_URL_SQS"] = server.URL
	})
	queue := queueName(taskhawk.Default)
	permanent := map[string]bool{}
	list := orders(make([]string, tasks)...)
	for i := range list {
		list[i].do, list[i].takes = []string{"ok", "recover", "ok", "permanent", "ok"}[i%5], 20*time.Millisecond
	}
	r.number(list)
	for _, o := range list {
		permanent[fmt.Sprintf("task-%d", o.n)] = o.do == "permanent"
		url, body := server.Queue(queue).URL, o.text()
		_, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body})
		require.NoError(t, err)
	}

	source, err := server.EventSource(queue, time.Second)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	mapping := lambdatest.Mapping{Source: source, Function: r, ReportBatchItemFailures: true, Observe: func(lambdatest.Batch) {
		if len(server.Queue(queue).Messages) == 0 {
			cancel()
		}
	}}
	go func() {
		for range 3 {
			select {
			case <-time.After(50 * time.Millisecond):
				_ = r.Signal(syscall.SIGKILL)
			case <-ctx.Done():
				return
			}
		}
	}()
	require.NoError(t, mapping.Run(ctx))

	require.Empty(t, server.Queue(queue).Messages)
	letters := server.Queue(queue + "-DLQ").Messages
	buried := map[string]bool{}
	for _, letter := range letters {
		buried[keyOf(letter.Body)] = true
		require.True(t, permanent[keyOf(letter.Body)], "only what failed for good")
	}
	require.Len(t, buried, tasks/5)
	require.Len(t, r.ranOf(list), tasks)
	require.Greater(t, r.Starts(), 1)
	r.found.Tasks += tasks
	r.check()
}

// notify gives the function an SNS event, whose records all have these attributes.
func (r *functionEnv) notify(list []order, attributes map[string]any, options ...lambdatest.InvokeOption) lambdatest.Result {
	r.Helper()
	r.number(list)
	var event events.SNSEvent
	for _, o := range list {
		event.Records = append(event.Records, events.SNSEventRecord{EventSource: "aws:sns", EventVersion: "1.0", SNS: events.SNSEntity{
			MessageID: o.id, Type: "Notification", TopicArn: "arn:aws:sns:us-east-1:111122223333:taskhawk-dev-myapp",
			Message: o.text(), Timestamp: time.Now(), MessageAttributes: attributes,
		}})
	}
	text, err := json.Marshal(event)
	require.NoError(r, err)
	r.found.Tasks += len(list)
	return r.give(text, options...)
}

func TestT48RecordsOfTopics(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]functionConfig{"SNS": {SNS: true}, "both": {Both: true, Partial: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startFunction(t, "records of SNS, one fails", config)
			require.Nil(t, r.notify(orders("ok"), nil).Error)
			require.Nil(t, r.notify(orders("ignore"), nil).Error)
			for _, failure := range []string{"fail", "panic", "goexit", "permanent", "recover"} {
				require.NotNil(t, r.notify(orders(failure), nil).Error, failure)

				list := orders("ok", failure, "ok")
				failed := r.notify(list, nil).Error
				require.Equal(t, []int{0, 1, 2}, r.ranOf(list), "the others run")
				require.Equal(t, "BatchError", failed.Type)
				require.Contains(t, failed.Message, "1 of 3 records failed: record "+list[1].id)
				require.NotContains(t, string(failed.Body), canaryArgument)
			}
			bad := orders("ok", "ok")
			bad[0].body = "{"
			require.Contains(t, r.notify(bad, nil).Error.Message, "1 of 2 records failed")
			require.Equal(t, []int{1}, r.ranOf(bad))
			require.Equal(t, 1, r.Starts(), "no panic reaches lambda.Start")
			r.check()
		})
	}
}

func TestT48AttributesOfOddTypes(t *testing.T) {
	t.Parallel()
	r := startFunction(t, "odd attributes of SNS", functionConfig{SNS: true})
	list := orders("ok", "ok", "ok")
	require.Nil(t, r.notify(list, map[string]any{
		"text": "bare", "number": 7, "null": nil, "list": []any{"a", 1}, "nested": map[string]any{"Type": map[string]any{}, "Value": []int{1}},
		"no value": map[string]any{"Type": "String"}, "no type": map[string]any{"Value": "v"}, "a number": map[string]any{"Type": "Number", "Value": 1e300},
		"binary": map[string]any{"Type": "Binary", "Value": "AAE="}, "": map[string]any{"Type": "", "Value": ""},
		"taskhawk_encoding": map[string]any{"Type": "Binary", "Value": "base64"},
	}).Error)
	require.Equal(t, []int{0, 1, 2}, r.ranOf(list))
	r.check()
}

// Events of AWS's own test data: the messages are none of ours, and what is no event of
// queues or topics says so.
func TestT48EventsOfAWS(t *testing.T) {
	t.Parallel()
	r := startFunction(t, "events of other kinds", functionConfig{Both: true, Partial: true})
	sns := r.give(awsEvent(t, "sns-event.json"))
	require.Contains(t, sns.Error.Message, "1 of 1 records failed: record 95df01b4-ee98-5cb9-9903-4c221d41eb5e: ")
	require.NotContains(t, sns.Error.Message, "Hello from SNS!")
	sqs := r.give(awsEvent(t, "sqs-event.json"))
	require.Nil(t, sqs.Error)
	require.JSONEq(t, `{"batchItemFailures":[{"itemIdentifier":"MessageID_1"}]}`, string(sqs.Response))
	for _, name := range []string{"s3-event.json", "kinesis-event.json", "dynamodb-event.json", "apigw-request.json", "kafka-event.json"} {
		require.Contains(t, r.give(awsEvent(t, name)).Error.Message, "unknown event", name)
	}
	for _, event := range []string{`{}`, `{"Records":null}`, `null`, `[]`, `"x"`, `{"Records":[{"eventSource":"aws:sqs"},{"EventSource":"aws:sns"}]}`} {
		require.Contains(t, r.give([]byte(event)).Error.Message, "unknown event", event)
	}
	require.Equal(t, 1, r.Starts())
	require.Empty(t, r.ran())
	r.check()
}

// slowOrders are orders that take longer, all together, than there is time.
func slowOrders(n int, each time.Duration) []order {
	list := orders(make([]string, n)...)
	for i := range list {
		list[i].do, list[i].takes = "ok", each
	}
	return list
}

// What could not be started, or not be finished, comes back; what was done is done; and
// the answer is in time. A machine that is busy with other things may bring an answer
// late that left in time, so the earliest of a few counts.
func TestT49DeadlineInMidBatch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config  functionConfig
		margin  time.Duration
		timeout time.Duration
	}{
		"partial":        {functionConfig{Partial: true, Margin: 2 * time.Second}, 2 * time.Second, 4 * time.Second},
		"at once":        {functionConfig{Partial: true, Margin: 2 * time.Second, Concurrency: 3}, 2 * time.Second, 4 * time.Second},
		"default margin": {functionConfig{Partial: true}, time.Second, 2750 * time.Millisecond},
		"whole":          {functionConfig{Margin: 2 * time.Second}, 2 * time.Second, 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startFunction(t, "deadline in mid-batch", c.config)
			var left time.Duration
			killed := 0
			for range 5 {
				v := r.midBatch(c.timeout)
				if left = max(left, v.Left); left >= c.margin {
					break
				}
				if v.timedOut() {
					killed++
				}
			}
			require.GreaterOrEqual(t, left, c.margin)
			require.Equal(t, 1+killed, r.Starts())
			r.check()
		})
	}
}

// timedOut reports whether the answer did not come at all.
func (v verdict) timedOut() bool { return v.Error != nil && v.Error.Type == lambdatest.ErrorTimedOut }

// midBatch gives the function more than it has time for.
func (r *functionEnv) midBatch(timeout time.Duration) verdict {
	r.Helper()
	list := slowOrders(100, 100*time.Millisecond)
	v := r.batch(list, lambdatest.WithTimeout(timeout))
	if v.timedOut() {
		return v
	}
	started := len(r.ranOf(list))
	require.Positive(r, started)
	require.Less(r, started, len(list))
	require.Equal(r, !r.config.Partial, v.Error != nil)
	require.Less(r, len(v.done), len(list))
	require.GreaterOrEqual(r, started, len(v.done))
	if r.config.Partial {
		require.NotEmpty(r, v.done)
	}
	return v
}

// A handler that ignores its context does not keep the answer.
func TestT49HandlerThatHangs(t *testing.T) {
	t.Parallel()
	const margin, timeout = 4 * time.Second, 6 * time.Second
	r := startFunction(t, "a handler hangs until the deadline", functionConfig{Partial: true, Margin: margin, Concurrency: 2})
	list := orders("ok", "hang", "ok", "hang", "ok")
	v := r.batch(list, lambdatest.WithTimeout(timeout))
	require.Nil(t, v.Error)
	require.Equal(t, idsOf(list, []int{1, 3, 4}), v.failed)
	require.Greater(t, v.Left, margin/2, "it leaves when the margin begins, and has that for its way")
	require.Empty(t, r.batch(orders("ok")).failed, "what still hangs is not in the way of the next invocation")
	require.Equal(t, 1, r.Starts())
	r.check()
}

// A task whose timeout is longer than any invocation runs with the time left: given back,
// it would be a dead letter without a run.
func TestT49TaskThatNeverFits(t *testing.T) {
	t.Parallel()
	r := startFunction(t, "a task's timeout is longer than the invocation", functionConfig{Partial: true})
	list := orders("ok", "ok", "ok")
	list[1].task = "tests.timed"
	v := r.batch(list)
	require.Equal(t, []int{0, 1, 2}, r.ranOf(list))
	require.Empty(t, v.failed)
	r.check()
}

// Without a margin the process would be killed: that is what Lambda does to a function
// that does not answer.
func TestT49TimeoutKills(t *testing.T) {
	t.Parallel()
	r := startFunction(t, "the timeout kills the process", functionConfig{Partial: true, Margin: time.Millisecond})
	list := orders("ok", "hang", "ok")
	v := r.batch(list, lambdatest.WithTimeout(300*time.Millisecond), lambdatest.WithHeader(lambdatest.HeaderDeadline, "99999999999999"))
	require.Equal(t, lambdatest.ErrorTimedOut, v.Error.Type)
	require.Len(t, v.failed, 3)
	require.Empty(t, r.batch(orders("ok")).failed)
	require.Equal(t, 2, r.Starts())
	r.check()
}
