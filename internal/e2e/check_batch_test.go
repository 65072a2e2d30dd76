//go:build e2e

package e2e_test

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func batchChecks() []check {
	return []check{
		{
			"a batch of ten",
			`SendMessageBatch: "up to 10 messages"`,
			"stored 10, failed 0, received 0 1 2 3 4 5 6 7 8 9",
			func(p *probe) {
				url := p.queue("q")
				out, err := p.sendAll(url, entries(10, "")...)
				p.try(err)
				p.notef("stored %d, failed %d, received %s", len(out.Successful), len(out.Failed), sorted(p.drain(url, 1)))
			},
		},
		{
			"batches that are refused as a whole",
			`errors EmptyBatchRequest, TooManyEntriesInBatchRequest, BatchEntryIdsNotDistinct, InvalidBatchEntryId ("up to 80 characters", letters, digits, - and _), BatchRequestTooLong`,
			"empty EmptyBatchRequest; eleven TooManyEntriesInBatchRequest; " +
				"same ids BatchEntryIdsNotDistinct; bad id InvalidBatchEntryId; long id InvalidBatchEntryId; too long BatchRequestTooLong",
			refusedBatches,
		},
		{
			"a batch that fails in part",
			`SendMessageBatch: "The result of sending each message is reported individually in the response"`,
			"stored a c; failed b InvalidMessageContents by the sender true; received a c",
			failInPart,
		},
		{
			"deleting a batch in part",
			`DeleteMessageBatch: "The result of the action on each message is reported individually"; error ReceiptHandleIsInvalid`,
			"deleted good; failed bad ReceiptHandleIsInvalid by the sender true",
			func(p *probe) {
				url := p.queue("q")
				p.send(url, "x")
				out, err := p.DeleteMessageBatch(p.ctx, &sqs.DeleteMessageBatchInput{QueueUrl: url, Entries: []types.DeleteMessageBatchRequestEntry{
					{Id: aws.String("good"), ReceiptHandle: p.one(url).ReceiptHandle},
					{Id: aws.String("bad"), ReceiptHandle: aws.String("bogus")},
				}})
				p.try(err)
				for _, s := range out.Successful {
					p.notef("deleted %s", *s.Id)
				}
				p.noteFailed(out.Failed)
			},
		},
		{
			"changing the visibility of a batch in part",
			`ChangeMessageVisibilityBatch: "The result of the action on each message is reported individually"; error ReceiptHandleIsInvalid`,
			"changed good; failed bad ReceiptHandleIsInvalid by the sender true",
			func(p *probe) {
				url := p.queue("q")
				p.send(url, "x")
				out, err := p.ChangeMessageVisibilityBatch(p.ctx, &sqs.ChangeMessageVisibilityBatchInput{
					QueueUrl: url, Entries: []types.ChangeMessageVisibilityBatchRequestEntry{
						{Id: aws.String("good"), ReceiptHandle: p.one(url).ReceiptHandle, VisibilityTimeout: 60},
						{Id: aws.String("bad"), ReceiptHandle: aws.String("bogus"), VisibilityTimeout: 60},
					},
				})
				p.try(err)
				for _, s := range out.Successful {
					p.notef("changed %s", *s.Id)
				}
				p.noteFailed(out.Failed)
			},
		},
	}
}

// entries are messages "0", "1" and so on, followed by padding.
func entries(n int, padding string) []types.SendMessageBatchRequestEntry {
	batch := make([]types.SendMessageBatchRequestEntry, n)
	for i := range batch {
		batch[i] = batchEntry(fmt.Sprint(i), fmt.Sprint(i)+padding)
	}
	return batch
}

func batchEntry(id, body string) types.SendMessageBatchRequestEntry {
	return types.SendMessageBatchRequestEntry{Id: aws.String(id), MessageBody: aws.String(body)}
}

func (p *probe) sendAll(url *string, batch ...types.SendMessageBatchRequestEntry) (*sqs.SendMessageBatchOutput, error) {
	if batch == nil {
		batch = []types.SendMessageBatchRequestEntry{} // the SDK takes an empty list, and no nil one
	}
	return p.SendMessageBatch(p.ctx, &sqs.SendMessageBatchInput{QueueUrl: url, Entries: batch})
}

func (p *probe) noteFailed(failed []types.BatchResultErrorEntry) {
	for _, f := range failed {
		p.notef("failed %s %s by the sender %t", aws.ToString(f.Id), shortCode(aws.ToString(f.Code)), f.SenderFault)
	}
}

func refusedBatches(p *probe) {
	url := p.queue("q")
	for _, c := range []struct {
		what  string
		batch []types.SendMessageBatchRequestEntry
	}{
		{"empty", nil},
		{"eleven", entries(11, "")},
		{"same ids", []types.SendMessageBatchRequestEntry{batchEntry("a", "x"), batchEntry("a", "y")}},
		{"bad id", []types.SendMessageBatchRequestEntry{batchEntry("a.b", "x")}},
		{"long id", []types.SendMessageBatchRequestEntry{batchEntry(strings.Repeat("a", 81), "x")}},
		{"too long", entries(10, strings.Repeat("a", 110_000))},
	} {
		_, err := p.sendAll(url, c.batch...)
		p.notef("%s %s", c.what, outcome(err))
	}
}

func failInPart(p *probe) {
	url := p.queue("q")
	out, err := p.sendAll(url, batchEntry("a", "a"), batchEntry("b", "b\x00"), batchEntry("c", "c"))
	p.try(err)
	var stored []string
	for _, s := range out.Successful {
		stored = append(stored, *s.Id)
	}
	p.notef("stored %s", sorted(stored))
	p.noteFailed(out.Failed)
	p.notef("received %s", strings.ReplaceAll(sorted(p.drain(url, 1)), "\x00", "(U+0000)"))
}
