package faults_test

import (
	"context"
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
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// headerTask notes the headers it runs with, and fails at first, so that there is something to log.
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

// oddHeaders are more than SQS takes, with names and values that it refuses as attributes.
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

// Headers that SQS would refuse as attributes travel in the body alone: the dispatch succeeds, ten attributes at most are sent, all of
// them such as SQS takes, and the handler sees every header as it was given.
func TestT42HeadersThatAreNoAttributes(t *testing.T) {
	t.Parallel()
	x := &headerTask{}
	inBubble(t, setup{What: "headers that SQS refuses as attributes", Handle: x.handle}, func(r *rig) {
		_, err := r.job.Dispatch(r.Context(), newArgs(0), taskhawk.WithHeaders(oddHeaders()))
		require.NoError(r, err)
		attributes := r.server.Queue(queueName(taskhawk.Default)).Messages[0].Attributes
		require.Len(r, attributes, 10)
		for name := range attributes {
			require.True(r, name == "taskhawk_task" || strings.HasPrefix(name, "h") || name == "crlf", name)
		}
		w := r.start(sqsx.WorkerConfig{})
		r.drain(time.Minute)
		w.stop()
		require.Equal(r, []taskhawk.Headers{oddHeaders()}, x.seen)
		require.Equal(r, 2, r.book.total())
		r.Check(want{})
	})
}

// What a dispatch can know to be wrong is a typed error before any request.
func TestT42BadHeadersAreNotSent(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "reserved and empty header names, bad groups and delays"}, func(r *rig) {
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
			var limit *sqsx.LimitError
			require.ErrorAs(r, err, &limit)
			require.Equal(r, field, limit.Field)
		}
		require.Equal(r, requests, r.server.TotalRequests())
		r.Check(want{})
	})
}

// Attributes of every type arrive on messages of other programs, some named as our own: none is dereferenced, none decides, and the
// tasks run.
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
	inBubble(t, setup{What: "binary, numeric and custom attributes, received"}, func(r *rig) {
		for id, attributes := range cases {
			r.raw(taskhawk.Default, foreign(id, `"task":"tests.job","args":[1,"x"]`), func(in *sqs.SendMessageInput) {
				in.MessageAttributes = attributes
			})
		}
		r.runAll()
		require.Equal(r, len(cases), r.book.total())
		r.Check(want{})
	})
}
