package sqstest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

func (f *fixture) source(name string, wait time.Duration) *sqstest.EventSource {
	f.Helper()
	source, err := f.EventSource(name, wait)
	require.NoError(f, err)
	return source
}

func attributed(in *sqs.SendMessageInput) {
	in.MessageAttributes = map[string]types.MessageAttributeValue{
		"text":   {DataType: aws.String("String"), StringValue: aws.String("a")},
		"binary": {DataType: aws.String("Binary.png"), BinaryValue: []byte{0, 255}},
	}
	in.MessageSystemAttributes = map[string]types.MessageSystemAttributeValue{
		"AWSTraceHeader": {DataType: aws.String("String"), StringValue: aws.String("Root=1")},
	}
}

// The records have the members of the event in the Lambda Developer Guide, which the
// event types of aws-lambda-go know.
func TestEventSourceRecords(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		sent := f.send(f.queue("jobs"), "hello", attributed)
		records, err := f.source("jobs", 0).Receive(f.Context(), 10)
		require.NoError(f, err)
		require.Len(f, records, 1)
		var record map[string]any
		require.NoError(f, json.Unmarshal(records[0], &record))
		require.Equal(f, *sent.MessageId, record["messageId"])
		require.NotEmpty(f, record["receiptHandle"])
		require.Equal(f, "5d41402abc4b2a76b9719d911017c592", record["md5OfBody"])
		require.Equal(f, *sent.MD5OfMessageAttributes, record["md5OfMessageAttributes"])
		now := strconv.FormatInt(time.Now().UnixMilli(), 10)
		attributes, ok := record["attributes"].(map[string]any)
		require.True(f, ok)
		require.Equal(f, "1", attributes["ApproximateReceiveCount"])
		require.Equal(f, now, attributes["SentTimestamp"])
		require.Equal(f, "Root=1", attributes["AWSTraceHeader"])
		require.Equal(f, map[string]any{
			"text":   map[string]any{"stringValue": "a", "stringListValues": []any{}, "binaryListValues": []any{}, "dataType": "String"},
			"binary": map[string]any{"binaryValue": "AP8=", "stringListValues": []any{}, "binaryListValues": []any{}, "dataType": "Binary.png"},
		}, record["messageAttributes"])
		require.Equal(f, "arn:aws:sqs:us-east-1:000000000000:jobs", record["eventSourceARN"])

		strict := json.NewDecoder(bytes.NewReader(records[0]))
		strict.DisallowUnknownFields()
		var known events.SQSMessage
		require.NoError(f, strict.Decode(&known), "nothing that Lambda does not send")
		require.Equal(f, "aws:sqs", known.EventSource)
		require.Equal(f, "us-east-1", known.AWSRegion)
	})
}

func TestEventSourceOfAFIFOQueue(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs.fifo", "FifoQueue", "true")
		f.send(url, "hello", func(in *sqs.SendMessageInput) {
			in.MessageGroupId, in.MessageDeduplicationId = aws.String("g"), aws.String("d")
		})
		records, err := f.source("jobs.fifo", 0).Receive(f.Context(), 10)
		require.NoError(f, err)
		var record struct{ Attributes map[string]string }
		require.NoError(f, json.Unmarshal(records[0], &record))
		require.Equal(f, "g", record.Attributes["MessageGroupId"])
		require.Equal(f, "d", record.Attributes["MessageDeduplicationId"])
		require.NotEmpty(f, record.Attributes["SequenceNumber"])
	})
}

func TestEventSourceDeletes(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs")
		source := f.source("jobs", 0)
		var handles []string
		for n := range 15 {
			f.send(url, strconv.Itoa(n))
			records, err := source.Receive(f.Context(), 1)
			require.NoError(f, err)
			var record struct{ ReceiptHandle string }
			require.NoError(f, json.Unmarshal(records[0], &record))
			handles = append(handles, record.ReceiptHandle)
		}
		require.NoError(f, source.Delete(f.Context(), handles))
		require.Empty(f, f.Queue("jobs").Messages)
		require.Equal(f, 2, f.Requests(sqstest.OpDeleteMessageBatch))
		require.ErrorContains(f, source.Delete(f.Context(), []string{"bogus"}), "1 of 1 failed: ReceiptHandleIsInvalid")
	})
}

func TestEventSourceWaits(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		f.queue("jobs")
		began := time.Now()
		records, err := f.source("jobs", 20*time.Second).Receive(f.Context(), 10)
		require.NoError(f, err)
		require.Empty(f, records)
		require.Equal(f, 20*time.Second, time.Since(began))

		ctx, cancel := context.WithTimeout(f.Context(), time.Second)
		defer cancel()
		records, err = f.source("jobs", 20*time.Second).Receive(ctx, 10)
		require.NoError(f, err, "the end of ctx is no error")
		require.Empty(f, records)
		require.Equal(f, 21*time.Second, time.Since(began))
	})
}

func TestEventSourceFails(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		_, err := f.EventSource("jobs", 0)
		require.EqualError(f, err, "sqstest: no queue jobs")
		url := f.queue("jobs")
		source := f.source("jobs", 0)
		_, err = f.client.DeleteQueue(f.Context(), &sqs.DeleteQueueInput{QueueUrl: &url})
		require.NoError(f, err)
		_, err = source.Receive(f.Context(), 10)
		require.ErrorContains(f, err, "sqstest: receive from jobs: ")
		require.ErrorContains(f, source.Delete(f.Context(), []string{"x"}), "sqstest: delete from jobs: ")
	})
}
