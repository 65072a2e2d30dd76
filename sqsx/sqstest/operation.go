package sqstest

import (
	"context"
	"time"
)

// The operations of SQS the server answers, by the names that Server.Requests and
// Fault.On take.
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

// operation decodes the input of a call, which is then ready to be made.
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

// queueTarget is the part of an input that says which queue is meant.
type queueTarget struct {
	QueueUrl string `sqs:"required"`
}

func (t queueTarget) target() string { return t.QueueUrl }

// targetName is the name of the queue an input is about, "" when it has none.
func targetName(in any) string {
	t, ok := in.(interface{ target() string })
	if !ok {
		return ""
	}
	name, _ := queueName(t.target())
	return name
}

// entryIDs are the ids of the entries of a batch, nil for another input.
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

// locked makes an operation of a method that is called with the lock held, all
// that was due made up for, and call.now set.
func locked[In, Out any](method func(*account, *call, *In) (Out, error)) operation {
	return unlocked(func(a *account, _ context.Context, c *call, in *In) (Out, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		c.begin(a)
		return method(a, c, in)
	})
}

// begin sets call.now and makes up for all that was due, with the lock held.
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
