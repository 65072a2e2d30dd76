package sqsx

import "fmt"

// Finding is one thing that [Check] has found.
type Finding struct {
	// Severity is how bad it is.
	Severity Severity
	// Code tells findings apart, for programs: one of the Code constants.
	Code string
	// Queue is the name of the queue, of its dead-letter queue, or "" for what concerns the code alone.
	Queue string
	// Problem is what is wrong, and what comes of it.
	Problem string
	// Advice is what to do about it; "" when there is nothing to do.
	Advice string
}

// The codes of findings.
const (
	// CodeAccessDenied : the caller may not look at the queue.
	CodeAccessDenied = "access-denied"
	// CodeBatchSize : the batches of an event source mapping.
	CodeBatchSize = "batch-size"
	// CodeDeadLetterChain : the dead-letter queue has a redrive policy itself.
	CodeDeadLetterChain = "dead-letter-chain"
	// CodeDeadLetterRetention : the dead-letter queue does not keep messages longer than the queue.
	CodeDeadLetterRetention = "dead-letter-retention"
	// CodeDeadLetters : there are dead letters.
	CodeDeadLetters = "dead-letters"
	// CodeDeduplication : a FIFO queue that deduplicates by id only.
	CodeDeduplication = "deduplication"
	// CodeDelay : the queue delays every message.
	CodeDelay = "delay"
	// CodeEncryption : no encryption, or one that needs permissions.
	CodeEncryption = "encryption"
	// CodeInFlight : near the limit of messages in flight.
	CodeInFlight = "in-flight"
	// CodeMapping : no event source mapping, one that is disabled, or several.
	CodeMapping = "mapping"
	// CodeMaximumConcurrency : how many functions an event source mapping runs at once.
	CodeMaximumConcurrency = "maximum-concurrency"
	// CodeMaxReceiveCount : too few receives make a dead letter.
	CodeMaxReceiveCount = "max-receive-count"
	// CodeMessageSize : the queue takes less than SQS can.
	CodeMessageSize = "message-size"
	// CodePartialBatch : ReportBatchItemFailures of an event source mapping does not fit the code.
	CodePartialBatch = "partial-batch"
	// CodeQueueMissing : the queue or the dead-letter queue does not exist.
	CodeQueueMissing = "queue-missing"
	// CodeQueueType : there is a FIFO queue instead of a standard queue, or the other way round.
	CodeQueueType = "queue-type"
	// CodeRedriveAllow : the dead-letter queue takes none from the queue.
	CodeRedriveAllow = "redrive-allow"
	// CodeRedrivePolicy : the queue has no redrive policy, or one to elsewhere.
	CodeRedrivePolicy = "redrive-policy"
	// CodeRetention : messages are dropped before their retries are over.
	CodeRetention = "retention"
	// CodeShortPoll : receives of other programs do not wait.
	CodeShortPoll = "short-poll"
	// CodeSNS : topics may send to the queue.
	CodeSNS = "sns"
	// CodeTaskTime : a task may take longer than it is given.
	CodeTaskTime = "task-time"
	// CodeVisibility : the visibility timeout of queue or worker.
	CodeVisibility = "visibility"
)

// String is the finding in one line.
func (f Finding) String() string {
	text := fmt.Sprintf("%s %s: ", f.Severity, f.Code)
	if f.Queue != "" {
		text += f.Queue + " "
	}
	text += f.Problem
	if f.Advice != "" {
		text += "; " + f.Advice
	}
	return text
}
