package faults_test

import (
	"context"
	"crypto/md5"
	"maps"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// textArgs is a text of any size.
type textArgs struct{ Text string }

// texts is a task that notes the texts that it runs with.
type texts struct {
	mu   sync.Mutex
	seen map[[md5.Size]byte]int
	task *taskhawk.Task[textArgs]
}

func (x *texts) tasks(r *env) []taskhawk.AnyTask {
	x.seen = map[[md5.Size]byte]int{}
	x.task = taskhawk.New("tests.text", instrument(r, func(_ context.Context, args textArgs) error {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.seen[md5.Sum([]byte(args.Text))]++
		return nil
	}))
	return []taskhawk.AnyTask{x.task}
}

// requireSeen checks that each of the texts arrived once, as it was sent.
func (x *texts) requireSeen(r *env, sent ...string) {
	r.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	expected := map[[md5.Size]byte]int{}
	for _, text := range sent {
		expected[md5.Sum([]byte(text))]++
	}
	require.Equal(r, expected, x.seen)
}

// size is what SQS counts of a stored message: body and attributes, in bytes.
func size(m sqstest.Message) int {
	n := len(m.Body)
	for name, value := range m.Attributes {
		n += len(name) + len("String") + len(value)
	}
	return n
}

// A message of just 1 MiB goes through, and of one byte more not even a request is made.
func TestT37LargestMessage(t *testing.T) {
	t.Parallel()
	x := &texts{}
	inBubble(t, setup{What: "messages of 1 MiB and a byte more", Tasks: x.tasks}, func(r *env) {
		_, err := x.task.Dispatch(r.Context(), textArgs{})
		require.NoError(r, err)
		overhead := size(r.server.Queue(queueName(taskhawk.Default)).Messages[0])

		largest := strings.Repeat("x", sqsx.MaxMessageSize-overhead)
		_, err = x.task.Dispatch(r.Context(), textArgs{Text: largest})
		require.NoError(r, err)
		require.Equal(r, sqsx.MaxMessageSize, size(r.server.Queue(queueName(taskhawk.Default)).Messages[1]))

		requests := r.server.TotalRequests()
		_, err = x.task.Dispatch(r.Context(), textArgs{Text: largest + "x"})
		r.sink.failure(err)
		var limit *taskhawk.LimitError
		require.ErrorAs(r, err, &limit)
		require.Equal(r, "size", limit.Field)
		require.Equal(r, "tests.text", limit.Task)
		require.Equal(r, requests, r.server.TotalRequests())
		r.runAll()
		x.requireSeen(r, "", largest)
		r.Check(want{})
	})
}

// Batches are split by bytes and by count, none is refused, and each carries tasks that
// follow one another.
func TestT37BatchesOfManySizes(t *testing.T) {
	t.Parallel()
	const kilo = 1 << 10
	for name, c := range map[string]struct {
		sizes   []int
		batches []int // entries of each request, in any order
	}{
		"ten of 200 KiB":            {repeat(200*kilo, 10), []int{5, 5}},
		"ten of 6.6 KB":             {repeat(6600, 10), []int{10}},
		"ten of 1 MiB, nearly":      {repeat(1023*kilo, 10), repeat(1, 10)},
		"large and small":           {[]int{300 * kilo, 300 * kilo, 900 * kilo, 300 * kilo}, []int{2, 1, 1}},
		"two that do not go as one": {[]int{600 * kilo, 600 * kilo}, []int{1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := &texts{}
			inBubble(t, setup{What: "batches that are split by bytes and by count", Tasks: x.tasks}, func(r *env) {
				sends := r.watch(sqstest.OpSendMessageBatch)
				var args []textArgs
				var sent []string
				for i, size := range c.sizes {
					sent = append(sent, strings.Repeat(string(rune('a'+i)), size))
					args = append(args, textArgs{Text: sent[i]})
				}
				ids, err := x.task.DispatchAll(r.Context(), args)
				require.NoError(r, err)
				var entries []int
				for _, call := range sends.of("") {
					entries = append(entries, call.Entries)
					requireOrder(r, ids, call.Body)
				}
				require.ElementsMatch(r, c.batches, entries)
				r.runAll()
				x.requireSeen(r, sent...)
				r.Check(want{})
			})
		})
	}
}

func repeat(n, times int) []int {
	list := make([]int, times)
	for i := range list {
		list[i] = n
	}
	return list
}

// requireOrder checks that the ids in a text are in their order, without a gap.
func requireOrder(r *env, ids []string, text string) {
	r.Helper()
	last, place := -1, -1
	for i, id := range ids {
		at := strings.Index(text, id)
		if at < 0 {
			continue
		}
		require.Greater(r, at, place, "the order within a batch")
		require.True(r, last < 0 || i == last+1, "a batch with a gap")
		last, place = i, at
	}
}

// On a FIFO queue the order of a group is kept over all batches.
func TestT37OrderOfBatchesOnFIFO(t *testing.T) {
	t.Parallel()
	x := &texts{}
	naming := sqsx.Naming(func(app string, priority taskhawk.Priority) string { return sqsx.QueueName(app, priority) + ".fifo" })
	s := setup{
		What: "batches of one FIFO group", Tasks: x.tasks,
		Publisher: sqsx.PublisherConfig{Naming: naming}, Provision: sqsx.ProvisionConfig{Naming: naming},
	}
	inBubble(t, s, func(r *env) {
		args := make([]textArgs, 25)
		for i := range args {
			args[i].Text = strings.Repeat(string(rune('a'+i)), 200<<10)
		}
		ids, err := x.task.DispatchAll(r.Context(), args, taskhawk.WithGroup("one"))
		require.NoError(r, err)
		var order []string
		for _, m := range r.server.Queue(naming(app, taskhawk.Default)).Messages {
			order = append(order, keyOf(m.Body))
		}
		require.Equal(r, ids, order)
		r.Check(want{Left: 25})
	})
}

// headerTask notes the headers it runs with, and fails at first, so that there is
// something to log.
type headerTask struct {
	mu   sync.Mutex
	seen []taskhawk.Headers
}

func (x *headerTask) handle(ctx context.Context, _ int) error {
	metadata := taskhawk.MetadataFrom(ctx)
	if metadata.Attempt == 1 {
		return errFault
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.seen = append(x.seen, maps.Clone(metadata.Headers))
	return nil
}

// oddHeaders are more than SQS takes, with names and values that it refuses as
// attributes.
func oddHeaders() taskhawk.Headers {
	headers := taskhawk.Headers{
		"AWS.trace": "x", "amazon.x": "x", ".lead": "x", "trail.": "x", "dou..ble": "x", "spa ce": "x", "line\r\nbreak": "x",
		strings.Repeat("n", 257): "x", "empty": "", "crlf": "a\r\nSet-Cookie: b", "nul": "a\x00b", "nonchar": "\ufffe", "名": "x",
	}
	for n := range 12 {
		headers["h"+strconv.Itoa(n)] = canaryHeader
	}
	return headers
}

// Headers that SQS would refuse as attributes travel in the body alone: the dispatch
// succeeds, ten attributes at most are sent, all of them such as SQS takes, and the
// handler sees every header as it was given.
func TestT42HeadersThatAreNoAttributes(t *testing.T) {
	t.Parallel()
	x := &headerTask{}
	inBubble(t, setup{What: "headers that SQS refuses as attributes", Handle: x.handle}, func(r *env) {
		_, err := r.job.Dispatch(r.Context(), newArgs(0), taskhawk.WithHeaders(oddHeaders()))
		require.NoError(r, err)
		attributes := r.server.Queue(queueName(taskhawk.Default)).Messages[0].Attributes
		require.Len(r, attributes, 9)
		for name := range attributes {
			require.True(r, name == "taskhawk_task" || strings.HasPrefix(name, "h") || name == "crlf", name)
		}
		w := r.start(sqsx.WorkerConfig{})
		r.drain(time.Minute)
		w.stop()
		require.Equal(r, []taskhawk.Headers{oddHeaders()}, x.seen)
		require.Equal(r, 2, r.record.total())
		r.Check(want{})
	})
}

// What a dispatch can know to be wrong is a typed error before any request.
func TestT42BadHeadersAreNotSent(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "reserved and empty header names, bad groups and delays"}, func(r *env) {
		requests := r.server.TotalRequests()
		for _, name := range []string{"", "taskhawk_task", "taskhawk_x"} {
			_, err := r.job.Dispatch(r.Context(), newArgs(0), taskhawk.WithHeaders(taskhawk.Headers{name: canaryHeader}))
			r.sink.failure(err)
			require.ErrorIs(r, err, taskhawk.ErrHeader)
		}
		for field, option := range map[string]taskhawk.DispatchOption{
			"group": taskhawk.WithGroup("a\r\nb"), "delay": taskhawk.WithDelay(16 * time.Minute),
			"deduplication id": taskhawk.WithDeduplicationID("x"),
		} {
			_, err := r.job.Dispatch(r.Context(), newArgs(0), option)
			r.sink.failure(err)
			var limit *taskhawk.LimitError
			require.ErrorAs(r, err, &limit)
			require.Equal(r, field, limit.Field)
		}
		require.Equal(r, requests, r.server.TotalRequests())
		r.Check(want{})
	})
}

// Attributes of every type arrive on messages of other programs, some named as our own:
// none is dereferenced, none decides, and the tasks run.
func TestT42ForeignAttributes(t *testing.T) {
	t.Parallel()
	binary := types.MessageAttributeValue{DataType: aws.String("Binary"), BinaryValue: []byte{0xff, 0x00}}
	number := types.MessageAttributeValue{DataType: aws.String("Number"), StringValue: aws.String("1e5")}
	custom := types.MessageAttributeValue{DataType: aws.String("String.json"), StringValue: aws.String("{}")}
	another := types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String("tests.nobody")}
	full := map[string]types.MessageAttributeValue{}
	for n := range 10 {
		full["a"+strconv.Itoa(n)] = binary
	}
	cases := map[string]map[string]types.MessageAttributeValue{
		"binary task": {"taskhawk_task": binary}, "another task": {"taskhawk_task": another}, "number task": {"taskhawk_task": number},
		"binary encoding": {"taskhawk_encoding": binary}, "custom": {"token": custom, "n": number}, "none": nil, "ten": full,
	}
	inBubble(t, setup{What: "binary, numeric and custom attributes, received"}, func(r *env) {
		for id, attributes := range cases {
			r.raw(taskhawk.Default, foreign(id, `"task":"tests.job","args":[1,"x"]`), func(in *sqs.SendMessageInput) {
				in.MessageAttributes = attributes
			})
		}
		r.runAll()
		require.Equal(r, len(cases), r.record.total())
		r.Check(want{})
	})
}
