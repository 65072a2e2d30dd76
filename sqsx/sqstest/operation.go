package sqstest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// The operations of SQS that the server answers, for Server.Requests and Fault.On.
const (
	OpCancelMessageMoveTask        = "CancelMessageMoveTask"
	OpChangeMessageVisibility      = "ChangeMessageVisibility"
	OpChangeMessageVisibilityBatch = "ChangeMessageVisibilityBatch"
	OpCreateQueue                  = "CreateQueue"
	OpDeleteMessage                = "DeleteMessage"
	OpDeleteMessageBatch           = "DeleteMessageBatch"
	OpDeleteQueue                  = "DeleteQueue"
	OpGetQueueAttributes           = "GetQueueAttributes"
	OpGetQueueURL                  = "GetQueueUrl"
	OpListDeadLetterSourceQueues   = "ListDeadLetterSourceQueues"
	OpListMessageMoveTasks         = "ListMessageMoveTasks"
	OpListQueueTags                = "ListQueueTags"
	OpListQueues                   = "ListQueues"
	OpPurgeQueue                   = "PurgeQueue"
	OpReceiveMessage               = "ReceiveMessage"
	OpSendMessage                  = "SendMessage"
	OpSendMessageBatch             = "SendMessageBatch"
	OpSetQueueAttributes           = "SetQueueAttributes"
	OpStartMessageMoveTask         = "StartMessageMoveTask"
	OpTagQueue                     = "TagQueue"
	OpUntagQueue                   = "UntagQueue"
)

// operation decodes the input of a call, which is then ready to run.
type operation func(a *account, c *call) error

// call is one request on its way: decoded, not yet applied.
type call struct {
	name    string
	body    []byte
	queue   string   // the queue's name, "" when the operation names none
	topic   string   // the topic's name, "" when the operation names none
	ids     []string // of the entries of a batch
	now     time.Time
	apply   func(ctx context.Context, c *call) (any, error)
	refused []string // error codes of entries that broke a rule

	entryFaults []entryFault
	protocol    protocol
}

// queueTarget is the part of an input that names the queue.
type queueTarget struct {
	QueueUrl string `sqs:"required"`
}

func (t queueTarget) target() string { return t.QueueUrl }

// targetName returns the name of the queue in an input, "" if there is none.
func targetName(in any) string {
	t, ok := in.(interface{ target() string })
	if !ok {
		return ""
	}
	name, _ := queueName(t.target())
	return name
}

// entryIDs returns the ids of the entries of a batch, nil for other inputs.
func entryIDs(in any) []string {
	batch, ok := in.(interface{ entryIDs() []string })
	if !ok {
		return nil
	}
	return batch.entryIDs()
}

// unlocked makes an operation of a method that takes the account's lock itself.
func unlocked[In, Out any](method func(*account, context.Context, *call, *In) (Out, error)) operation {
	return func(a *account, c *call) error {
		in := new(In)
		if err := c.protocol.decode(c.body, in); err != nil {
			return err
		}
		c.apply = func(ctx context.Context, c *call) (any, error) { return method(a, ctx, c, in) }
		c.queue, c.topic, c.ids = targetName(in), topicTarget(in), entryIDs(in)
		return nil
	}
}

// locked makes an operation of a method that needs the lock held, call.now set and
// everything due applied.
func locked[In, Out any](method func(*account, *call, *In) (Out, error)) operation {
	return unlocked(func(a *account, _ context.Context, c *call, in *In) (Out, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		c.begin(a)
		return method(a, c, in)
	})
}

// begin sets call.now and applies everything that is due. The lock must be held.
func (c *call) begin(a *account) {
	c.now = time.Now()
	a.settle(c.now)
}

func messageOperation(name string) operation {
	switch name {
	case OpSendMessage:
		return locked((*account).sendMessage)
	case OpReceiveMessage:
		return unlocked((*account).receiveMessage)
	case OpDeleteMessage:
		return locked((*account).deleteMessage)
	case OpChangeMessageVisibility:
		return locked((*account).changeMessageVisibility)
	case OpPurgeQueue:
		return locked((*account).purgeQueue)
	}
	return nil
}

func batchOperation(name string) operation {
	switch name {
	case OpSendMessageBatch:
		return locked((*account).sendMessageBatch)
	case OpDeleteMessageBatch:
		return locked((*account).deleteMessageBatch)
	case OpChangeMessageVisibilityBatch:
		return locked((*account).changeMessageVisibilityBatch)
	}
	return nil
}

func queueOperation(name string) operation {
	switch name {
	case OpCreateQueue:
		return locked((*account).createQueue)
	case OpDeleteQueue:
		return locked((*account).deleteQueue)
	case OpGetQueueURL:
		return locked((*account).getQueueURL)
	case OpListQueues:
		return locked((*account).listQueues)
	case OpGetQueueAttributes:
		return locked((*account).getQueueAttributes)
	case OpSetQueueAttributes:
		return locked((*account).setQueueAttributes)
	case OpTagQueue:
		return locked((*account).tagQueue)
	case OpUntagQueue:
		return locked((*account).untagQueue)
	case OpListQueueTags:
		return locked((*account).listQueueTags)
	}
	return nil
}

func taskOperation(name string) operation {
	switch name {
	case OpListDeadLetterSourceQueues:
		return locked((*account).listDeadLetterSourceQueues)
	case OpStartMessageMoveTask:
		return locked((*account).startMessageMoveTask)
	case OpListMessageMoveTasks:
		return locked((*account).listMessageMoveTasks)
	case OpCancelMessageMoveTask:
		return locked((*account).cancelMessageMoveTask)
	}
	return nil
}

// The operations of SNS.
const (
	OpCreateTopic               = "CreateTopic"
	OpDeleteTopic               = "DeleteTopic"
	OpGetSubscriptionAttributes = "GetSubscriptionAttributes"
	OpGetTopicAttributes        = "GetTopicAttributes"
	OpListSubscriptionsByTopic  = "ListSubscriptionsByTopic"
	OpListTopics                = "ListTopics"
	OpPublish                   = "Publish"
	OpPublishBatch              = "PublishBatch"
	OpSetSubscriptionAttributes = "SetSubscriptionAttributes"
	OpSetTopicAttributes        = "SetTopicAttributes"
	OpSubscribe                 = "Subscribe"
	OpUnsubscribe               = "Unsubscribe"
)

func topicOperation(name string) operation {
	switch name {
	case OpPublish:
		return unlocked((*account).publishOne)
	case OpPublishBatch:
		return unlocked((*account).publishBatch)
	case OpCreateTopic:
		return locked((*account).createTopic)
	case OpDeleteTopic:
		return locked((*account).deleteTopic)
	case OpListTopics:
		return locked((*account).listTopics)
	case OpGetTopicAttributes:
		return locked((*account).getTopicAttributes)
	case OpSetTopicAttributes:
		return locked((*account).setTopicAttributes)
	}
	return nil
}

func subscriptionOperation(name string) operation {
	switch name {
	case OpSubscribe:
		return locked((*account).subscribe)
	case OpUnsubscribe:
		return locked((*account).unsubscribe)
	case OpListSubscriptionsByTopic:
		return locked((*account).listSubscriptionsByTopic)
	case OpGetSubscriptionAttributes:
		return locked((*account).getSubscriptionAttributes)
	case OpSetSubscriptionAttributes:
		return locked((*account).setSubscriptionAttributes)
	}
	return nil
}

// topicTarget returns the name of the topic in an input, "" if there is none.
func topicTarget(in any) string {
	t, ok := in.(interface{ topicARN() string })
	if !ok {
		return ""
	}
	name, _ := strings.CutPrefix(t.topicARN(), topicPrefix)
	name, _, _ = strings.Cut(name, ":") // of a subscription: the topic's ARN and an id
	return name
}

// topicRef is the part of an input that names the topic.
type topicRef struct {
	TopicArn string `sqs:"required"`
}

func (r topicRef) topicARN() string { return r.TopicArn }

// subscriptionRef is the part of an input that names the subscription.
type subscriptionRef struct {
	SubscriptionArn string `sqs:"required"`
}

func (r subscriptionRef) topicARN() string { return r.SubscriptionArn }

// newXMLMap sorts a map by its keys.
func newXMLMap(m map[string]string) xmlMap {
	out := xmlMap{}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		out.Entries = append(out.Entries, xmlEntry{Key: key, Value: m[key]})
	}
	return out
}

// attributesOutput is the answer of operations that return attributes.
type attributesOutput struct {
	Attributes xmlMap
}

// page returns one page of a hundred from a sorted list.
func page(all []string, token *string) (items []string, next string, err error) {
	size := 100
	items, next, err = pageRequest{MaxResults: &size, NextToken: token}.page(all)
	return items, next, asSNS(err, "InvalidParameter")
}

// maxBatchEntries is how many entries one batch request may have.
const maxBatchEntries = 10

// batchEntry is the common part of batch entries: an id within the batch.
type batchEntry struct {
	Id string `sqs:"required"`
}

func (e batchEntry) entryID() string { return e.Id }

// batchInput is the input of a batch with entries of type E.
type batchInput[E interface{ entryID() string }] struct {
	queueTarget
	Entries []E `sqs:"required"`
}

func (in *batchInput[E]) entryIDs() []string {
	ids := make([]string, len(in.Entries))
	for i, entry := range in.Entries {
		ids[i] = entry.entryID()
	}
	return ids
}

// batchOutput is the answer to a batch: each entry is in one of the two lists.
type batchOutput[R any] struct {
	Successful []R            `xml:"Successful>member"`
	Failed     []batchFailure `xml:"Failed>member"`
}

type batchFailure struct {
	Id          string
	Code        string
	Message     string
	SenderFault bool
}

// batchResult is an entry that succeeded, in batches whose answer has only ids.
type batchResult struct {
	Id string
}

// openBatch finds the queue of a batch and checks the batch as a whole.
func openBatch[E interface{ entryID() string }](a *account, in *batchInput[E]) (*queue, error) {
	q, err := a.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return q, checkBatch(in.Entries)
}

// checkBatch checks the rules that refuse a whole batch.
func checkBatch[E interface{ entryID() string }](entries []E) error {
	if len(entries) == 0 {
		return newError("EmptyBatchRequest", "There should be at least one entry in the request.")
	}
	if len(entries) > maxBatchEntries {
		return newError("TooManyEntriesInBatchRequest",
			"Maximum number of entries per request are %d. You have sent %d.", maxBatchEntries, len(entries))
	}
	seen := map[string]bool{}
	for _, entry := range entries {
		id := entry.entryID()
		if !legalEntryID(id) {
			return newError(
				"InvalidBatchEntryId",
				"A batch entry id can only contain alphanumeric characters, hyphens and underscores. "+
					"It can be at most 80 letters long.",
			)
		}
		if seen[id] {
			return newError("BatchEntryIdsNotDistinct", "Id %s repeated.", id)
		}
		seen[id] = true
	}
	return nil
}

func legalEntryID(id string) bool {
	for _, r := range id {
		if !isWordCharacter(r) {
			return false
		}
	}
	return id != "" && len(id) <= 80
}

// eachEntry applies each entry of a checked batch and sorts the results into the two
// lists of the answer.
func eachEntry[E interface{ entryID() string }, R any](
	c *call, entries []E, apply func(E) (R, error),
) *batchOutput[R] {
	out := &batchOutput[R]{Successful: []R{}, Failed: []batchFailure{}}
	for i, entry := range entries {
		id, fault := entry.entryID(), c.entryFault(i)
		if fault != nil && !fault.after {
			out.Failed = fault.report(out.Failed, id)
			continue
		}
		result, err := apply(entry)
		switch {
		case fault != nil:
			out.Failed = fault.report(out.Failed, id)
		case err != nil:
			c.refused = append(c.refused, asAPIError(err).code)
			out.Failed = append(out.Failed, failure(id, asAPIError(err)))
		default:
			out.Successful = append(out.Successful, result)
		}
	}
	return out
}

// succeeded returns the answer to a batch whose entries all succeeded.
func succeeded(ids []string) *batchOutput[batchResult] {
	out := &batchOutput[batchResult]{Successful: []batchResult{}, Failed: []batchFailure{}}
	for _, id := range ids {
		out.Successful = append(out.Successful, batchResult{id})
	}
	return out
}

func failure(id string, err *apiError) batchFailure {
	return batchFailure{Id: id, Code: err.code, Message: err.message, SenderFault: err.senderFault()}
}

type sendEntry struct {
	batchEntry
	outgoing
}

type sendEntryResult struct {
	batchResult
	*sendMessageOutput
}

func (a *account) sendMessageBatch(c *call, in *batchInput[sendEntry]) (*batchOutput[sendEntryResult], error) {
	q, err := openBatch(a, in)
	if err != nil {
		return nil, err
	}
	total := 0
	for _, entry := range in.Entries {
		total += entry.size()
	}
	if total > maxMessageBytes {
		return nil, newError("BatchRequestTooLong",
			"Batch requests cannot be longer than %d bytes. You have sent %d bytes.", maxMessageBytes, total)
	}
	return eachEntry(c, in.Entries, func(entry sendEntry) (sendEntryResult, error) {
		out, err := a.send(q, &entry.outgoing, c.now)
		return sendEntryResult{batchResult{entry.Id}, out}, err
	}), nil
}

type deleteEntry struct {
	batchEntry
	deletion
}

func (a *account) deleteMessageBatch(c *call, in *batchInput[deleteEntry]) (*batchOutput[batchResult], error) {
	q, err := openBatch(a, in)
	if err != nil {
		return nil, err
	}
	return eachEntry(c, in.Entries, func(entry deleteEntry) (batchResult, error) {
		return batchResult{entry.Id}, a.remove(q, entry.ReceiptHandle, c.now)
	}), nil
}

type visibilityEntry struct {
	batchEntry
	visibilityChange
}

func (a *account) changeMessageVisibilityBatch(
	c *call, in *batchInput[visibilityEntry],
) (*batchOutput[batchResult], error) {
	q, err := openBatch(a, in)
	if err != nil {
		return nil, err
	}
	return eachEntry(c, in.Entries, func(entry visibilityEntry) (batchResult, error) {
		return batchResult{entry.Id}, a.change(q, &entry.visibilityChange, c.now)
	}), nil
}
