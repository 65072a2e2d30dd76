package sqstest_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"
)

// entries makes a batch of bodies, with the ids "0", "1" and so on.
func entries(bodies ...string) []types.SendMessageBatchRequestEntry {
	var out []types.SendMessageBatchRequestEntry
	for i, body := range bodies {
		out = append(out, types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: &body})
	}
	return out
}

func (f *fixture) sendBatch(url string, entries []types.SendMessageBatchRequestEntry) (*sqs.SendMessageBatchOutput, error) {
	return f.client.SendMessageBatch(f.Context(), &sqs.SendMessageBatchInput{QueueUrl: &url, Entries: entries})
}

func TestBatchesRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	ids := func(ids ...string) []types.SendMessageBatchRequestEntry {
		out := entries(make([]string, len(ids))...)
		for i, id := range ids {
			out[i].Id, out[i].MessageBody = &id, aws.String("a")
		}
		return out
	}
	half := strings.Repeat("x", mebibyte/2)
	cases := map[string]struct {
		entries []types.SendMessageBatchRequestEntry
		is      func(error) bool
	}{
		"no entries":           {[]types.SendMessageBatchRequestEntry{}, is[*types.EmptyBatchRequest]},
		"eleven entries":       {entries(strings.Split("abcdefghijk", "")...), is[*types.TooManyEntriesInBatchRequest]},
		"an id twice":          {ids("a", "b", "a"), is[*types.BatchEntryIdsNotDistinct]},
		"an empty id":          {ids(""), is[*types.InvalidBatchEntryId]},
		"an id with a dot":     {ids("a.b"), is[*types.InvalidBatchEntryId]},
		"an id of 81":          {ids(strings.Repeat("i", 81)), is[*types.InvalidBatchEntryId]},
		"more than a mebibyte": {entries(half, half, "x"), is[*types.BatchRequestTooLong]},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			_, err := f.sendBatch(f.queue("jobs"), c.entries)
			require.True(t, c.is(err), "%v", err)
			require.Empty(t, f.Queue("jobs").Messages)
		})
	}
}

func TestLargestBatches(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs")
	half := strings.Repeat("x", mebibyte/2)
	out, err := f.sendBatch(url, entries(half, half))
	require.NoError(t, err)
	require.Len(t, out.Successful, 2)
	ten := entries(strings.Split("abcdefghij", "")...)
	ten[0].Id = aws.String(strings.Repeat("i", 80))
	out, err = f.sendBatch(url, ten)
	require.NoError(t, err)
	require.Len(t, out.Successful, 10)
}

func TestEntriesFailByThemselves(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs", "MaximumMessageSize", "1024")
	batch := entries("good", "bad\x00", strings.Repeat("x", 1025), "late", "good too")
	batch[3].DelaySeconds = 901
	out, err := f.sendBatch(url, batch)
	require.NoError(t, err)
	require.Len(t, out.Successful, 2)
	require.Equal(t, "0", *out.Successful[0].Id)
	require.Equal(t, "4", *out.Successful[1].Id)
	var codes []string
	for _, failed := range out.Failed {
		require.True(t, failed.SenderFault)
		codes = append(codes, *failed.Id+" "+*failed.Code)
	}
	require.Equal(t, []string{"1 InvalidMessageContents", "2 InvalidParameterValue", "3 InvalidParameterValue"}, codes)
	require.Equal(t, []string{"good", "good too"}, bodies(f.receive(url)))
	require.Equal(t, map[string]int{"InvalidMessageContents": 1, "InvalidParameterValue": 2}, f.ClientErrors())
}

func TestBatchOfDeletesAndOfVisibilityChanges(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs")
		f.send(url, "a")
		f.send(url, "b")
		messages := f.receive(url)
		bogus := aws.String("bogus")
		changed, err := f.client.ChangeMessageVisibilityBatch(f.Context(), &sqs.ChangeMessageVisibilityBatchInput{
			QueueUrl: &url, Entries: []types.ChangeMessageVisibilityBatchRequestEntry{
				{Id: aws.String("a"), ReceiptHandle: messages[0].ReceiptHandle, VisibilityTimeout: 100},
				{Id: aws.String("x"), ReceiptHandle: bogus, VisibilityTimeout: 100},
				{Id: aws.String("b"), ReceiptHandle: messages[1].ReceiptHandle, VisibilityTimeout: 43_201},
			},
		})
		require.NoError(f, err)
		require.Len(f, changed.Successful, 1)
		require.Len(f, changed.Failed, 2)
		require.Equal(f, "ReceiptHandleIsInvalid", *changed.Failed[0].Code)
		require.Equal(f, "InvalidParameterValue", *changed.Failed[1].Code)
		time.Sleep(31 * time.Second)
		require.Equal(f, 1, f.Queue("jobs").Visible)

		deleted, err := f.client.DeleteMessageBatch(f.Context(), &sqs.DeleteMessageBatchInput{
			QueueUrl: &url, Entries: []types.DeleteMessageBatchRequestEntry{
				{Id: aws.String("a"), ReceiptHandle: messages[0].ReceiptHandle},
				{Id: aws.String("x"), ReceiptHandle: bogus},
				{Id: aws.String("b"), ReceiptHandle: messages[1].ReceiptHandle},
			},
		})
		require.NoError(f, err)
		require.Len(f, deleted.Successful, 2, "the latest handle deletes also after the visibility timeout")
		require.Equal(f, "x", *deleted.Failed[0].Id)
		require.Empty(f, f.Queue("jobs").Messages)
	})
}

func TestBatchesOfAMissingQueue(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.URL + "/000000000000/none"
	_, err := f.sendBatch(url, entries("a"))
	require.True(t, is[*types.QueueDoesNotExist](err))
	_, err = f.client.DeleteMessageBatch(t.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: &url, Entries: []types.DeleteMessageBatchRequestEntry{{Id: aws.String("a"), ReceiptHandle: aws.String("r")}}})
	require.True(t, is[*types.QueueDoesNotExist](err))
	_, err = f.client.ChangeMessageVisibilityBatch(t.Context(), &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &url, Entries: []types.ChangeMessageVisibilityBatchRequestEntry{{Id: aws.String("a"), ReceiptHandle: aws.String("r")}}})
	require.True(t, is[*types.QueueDoesNotExist](err))
}
