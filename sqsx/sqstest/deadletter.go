package sqstest

import "time"

// deadLetterQueue is where a visible message of q goes instead of being
// received once more, or nil: when the queue has no redrive policy, the message
// may be received again, or the dead-letter queue is gone.
func (a *account) deadLetterQueue(q *queue, m *message) *queue {
	if q.redrive.targetARN == "" || m.localReceives < q.redrive.maxReceiveCount {
		return nil
	}
	return a.queueByARN(q.redrive.targetARN)
}

// deadLetter moves a message to the dead-letter queue. Id, attributes, times
// and receive count stay; on a standard queue also the instant its retention
// counts from; on a FIFO queue that starts anew and the deduplication id becomes
// the message id ("Using dead-letter queues in Amazon SQS").
func (a *account) deadLetter(q, target *queue, m *message, now time.Time) {
	q.take(m)
	m.sourceARN = q.arn
	m.localReceives = 0
	if target.fifo {
		m.retainedSince = now
		m.deduplicationID = m.id
	}
	a.record(DeadLettered, q, m, now)
	target.put(m, now, now)
}

// isDeadLetterQueue says whether a queue's redrive policy names q.
func (a *account) isDeadLetterQueue(q *queue) bool {
	for _, source := range a.queues {
		if source.redrive.targetARN == q.arn {
			return true
		}
	}
	return false
}

// checkRedrive checks what a queue's redrive policy says of other queues.
func (a *account) checkRedrive(q *queue, policy redrivePolicy) error {
	if policy.targetARN == "" {
		return nil
	}
	target := a.queueByARN(policy.targetARN)
	switch {
	case target == nil:
		return errRedrivePolicy("Dead letter target does not exist.")
	case target.fifo != q.fifo:
		return errRedrivePolicy("Dead-letter queue must be same type of queue as the source.")
	case !target.allow.allows(q.arn):
		return errRedrivePolicy("The RedriveAllowPolicy of the dead-letter queue does not allow this source queue.")
	}
	return nil
}

type listDeadLetterSourceQueuesInput struct {
	queueTarget
	pageRequest
}

type listDeadLetterSourceQueuesOutput struct {
	QueueUrls []string `json:"queueUrls"` // in lower case in the service model
	NextToken string   `json:",omitempty"`
}

func (a *account) listDeadLetterSourceQueues(
	_ *call, in *listDeadLetterSourceQueuesInput,
) (*listDeadLetterSourceQueuesOutput, error) {
	q, err := a.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	urls, token, err := in.page(a.urlsWhere(func(source *queue) bool {
		return source.redrive.targetARN == q.arn
	}))
	return &listDeadLetterSourceQueuesOutput{QueueUrls: urls, NextToken: token}, err
}
