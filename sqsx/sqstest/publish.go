package sqstest

import (
	"context"
	"time"
)

// publishInput is a message as Publish and an entry of PublishBatch carry it.
type publishInput struct {
	Message                string                    `sqs:"required"`
	MessageAttributes      map[string]topicAttribute `query:"Name,Value"`
	MessageDeduplicationId *string
	MessageGroupId         *string
	MessageStructure       *string
	Subject                *string
}

type publishOneInput struct {
	TopicArn    *string
	TargetArn   *string
	PhoneNumber *string
	publishInput
}

func (in *publishOneInput) topicARN() string {
	for _, arn := range []*string{in.TopicArn, in.TargetArn} {
		if arn != nil {
			return *arn
		}
	}
	return ""
}

type publishOutput struct {
	MessageId      string
	SequenceNumber string `xml:",omitempty"`
}

func (a *account) publishOne(ctx context.Context, c *call, in *publishOneInput) (*publishOutput, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c.begin(a)
	if in.PhoneNumber != nil || in.topicARN() == "" {
		return nil, errSNS("TopicArn or TargetArn Reason: no value for required parameter; this server sends to topics only")
	}
	t, err := a.topic(in.topicARN())
	if err != nil {
		return nil, err
	}
	return a.publish(ctx, t, &in.publishInput, c.now)
}

// publish checks a message and delivers it to all subscriptions, or finds that
// it was sent before.
func (a *account) publish(ctx context.Context, t *topic, in *publishInput, now time.Time) (*publishOutput, error) {
	p, err := in.publication(t, now)
	if err != nil {
		return nil, err
	}
	p.key = a.key(p.id, p.message)
	if t.fifo {
		if first := t.deduplication.find(p.deduplicationKey(), now); first != nil {
			a.recordTopic(Deduplicated, first, nil, "")
			return first.output(), nil
		}
		t.deduplication.remember(p.deduplicationKey(), p, now)
		a.sequence++
		p.sequence = a.sequence
	}
	a.recordTopic(Published, p, nil, "")
	for _, s := range t.subscriptions {
		a.notify(ctx, s, p)
	}
	return p.output(), nil
}

type publishEntry struct {
	batchEntry
	publishInput
}

type publishBatchInput struct {
	topicRef
	PublishBatchRequestEntries []publishEntry `sqs:"required"`
}

func (in *publishBatchInput) entryIDs() []string {
	ids := make([]string, len(in.PublishBatchRequestEntries))
	for i, entry := range in.PublishBatchRequestEntries {
		ids[i] = entry.Id
	}
	return ids
}

type publishResult struct {
	Id string
	publishOutput
}

func (a *account) publishBatch(ctx context.Context, c *call, in *publishBatchInput) (*batchOutput[publishResult], error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c.begin(a)
	t, err := a.topic(in.TopicArn)
	if err != nil {
		return nil, err
	}
	if err := checkBatch(in.PublishBatchRequestEntries); err != nil {
		return nil, err
	}
	size := 0
	for _, entry := range in.PublishBatchRequestEntries {
		size += entry.size()
	}
	if size > t.maxBytes() {
		return nil, newError("BatchRequestTooLong", "The length of all the messages put together is more than the limit of %d bytes.", t.maxBytes())
	}
	return eachEntry(c, in.PublishBatchRequestEntries, func(entry publishEntry) (publishResult, error) {
		out, err := a.publish(ctx, t, &entry.publishInput, c.now)
		if err != nil {
			return publishResult{}, err
		}
		return publishResult{Id: entry.Id, publishOutput: *out}, nil
	}), nil
}
