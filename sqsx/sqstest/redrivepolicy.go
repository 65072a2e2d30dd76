package sqstest

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// redrivePolicy is the RedrivePolicy of a queue; a queue without one has the zero value.
type redrivePolicy struct {
	targetARN       string
	maxReceiveCount int
}

// parseRedrivePolicy reads the attribute; maxReceiveCount may be a number or a number in
// a string, from 1 to 1,000. The default is 10.
func parseRedrivePolicy(text string) (redrivePolicy, error) {
	if text == "" {
		return redrivePolicy{}, nil
	}
	var wire struct {
		DeadLetterTargetArn string          `json:"deadLetterTargetArn"`
		MaxReceiveCount     json.RawMessage `json:"maxReceiveCount"`
	}
	if err := json.Unmarshal([]byte(text), &wire); err != nil {
		return redrivePolicy{}, errRedrivePolicy(
			"It is not a JSON object with deadLetterTargetArn and maxReceiveCount.",
		)
	}
	policy := redrivePolicy{targetARN: wire.DeadLetterTargetArn, maxReceiveCount: 10}
	if wire.MaxReceiveCount != nil {
		n, err := strconv.Atoi(unquote(string(wire.MaxReceiveCount)))
		if err != nil || n < 1 || n > 1000 {
			return redrivePolicy{}, errRedrivePolicy(
				"Invalid value for maxReceiveCount. It must be between 1 and 1000.",
			)
		}
		policy.maxReceiveCount = n
	}
	if policy.targetARN == "" {
		return redrivePolicy{}, errRedrivePolicy("The deadLetterTargetArn is missing.")
	}
	return policy, nil
}

func unquote(text string) string {
	if plain, err := strconv.Unquote(text); err == nil {
		return plain
	}
	return text
}

func errRedrivePolicy(reason string) *apiError {
	return errInvalidParameter("Value for parameter RedrivePolicy is invalid. Reason: %s", reason)
}

// allowPolicy is the RedriveAllowPolicy of a dead-letter queue.
type allowPolicy struct {
	RedrivePermission string   `json:"redrivePermission"`
	SourceQueueArns   []string `json:"sourceQueueArns"`
}

func parseAllowPolicy(text string) (*allowPolicy, error) {
	policy := &allowPolicy{RedrivePermission: "allowAll"}
	if text == "" {
		return policy, nil
	}
	if err := json.Unmarshal([]byte(text), policy); err != nil {
		return nil, errAllowPolicy("It is not a JSON object with redrivePermission and sourceQueueArns.")
	}
	named := len(policy.SourceQueueArns)
	switch policy.RedrivePermission {
	case "allowAll", "denyAll":
		if named > 0 {
			return nil, errAllowPolicy("sourceQueueArns goes with the permission byQueue only.")
		}
	case "byQueue":
		if named < 1 || named > 10 {
			return nil, errAllowPolicy("The permission byQueue takes 1 to 10 sourceQueueArns.")
		}
	default:
		return nil, errAllowPolicy("The redrivePermission must be allowAll, denyAll or byQueue.")
	}
	return policy, nil
}

func errAllowPolicy(reason string) *apiError {
	return errInvalidParameter("Value for parameter RedriveAllowPolicy is invalid. Reason: %s", reason)
}

// allows reports whether the queue with that ARN may use this dead-letter queue.
func (p *allowPolicy) allows(sourceARN string) bool {
	switch p.RedrivePermission {
	case "denyAll":
		return false
	case "byQueue":
		return slices.Contains(p.SourceQueueArns, sourceARN)
	}
	return true
}

// deadLetterQueue returns the queue that a visible message of q moves to instead of being
// received again. It returns nil if q has no redrive policy, the message may be received
// again, or the dead-letter queue is gone.
func (a *account) deadLetterQueue(q *queue, m *message) *queue {
	if q.redrive.targetARN == "" || m.localReceives < q.redrive.maxReceiveCount {
		return nil
	}
	return a.queueByARN(q.redrive.targetARN)
}

// deadLetter moves a message to the dead-letter queue. Id, attributes, times and receive
// count stay. Retention continues on a standard queue; on a FIFO queue it restarts, and
// the deduplication id becomes the message id ("Using dead-letter queues in Amazon SQS").
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

// isDeadLetterQueue reports whether the redrive policy of any queue names q.
func (a *account) isDeadLetterQueue(q *queue) bool {
	for _, source := range a.queues {
		if source.redrive.targetARN == q.arn {
			return true
		}
	}
	return false
}

// checkRedrive checks a redrive policy against the other queues.
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
