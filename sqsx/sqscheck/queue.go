package sqscheck

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/guard"
	"github.com/taskhawk/taskhawk-go/internal/sqsqueue"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// lambdaFactor is how many times the timeout of a function the visibility timeout of its
// queue should be, and lambdaReceives the least maxReceiveCount. Source: "Configuring
// your queue for Lambda", AWS Lambda Developer Guide.
const (
	lambdaFactor   = 6
	lambdaReceives = 5
)

// manyInFlight is close to the limit of 120,000 messages in flight per queue.
const manyInFlight = 100_000

// examineQueue checks the attributes of a queue.
func (e *examination) examineQueue(p *pair) {
	e.examineVisibility(p)
	if delay := p.own.Duration(sqsqueue.Delay); delay > 0 {
		e.add(
			SeverityWarning,
			CodeDelay,
			p.name,
			fmt.Sprintf("delays every message by %s, also where no delay was asked for", delay),
			"set DelaySeconds to 0 and use taskhawk.WithDelay where tasks shall wait",
		)
	}
	if size := p.own.Number(sqsqueue.MaxMessageSize); size < sqsx.MaxMessageSize {
		e.add(SeverityWarning, CodeMessageSize, p.name, fmt.Sprintf(
			"takes messages of %d bytes: larger ones pass the check before the call and are then refused", size),
			fmt.Sprintf("set MaximumMessageSize to %d", sqsx.MaxMessageSize))
	}
	if n := p.own.Number(sqsqueue.InFlight); n >= manyInFlight {
		e.add(
			SeverityWarning,
			CodeInFlight,
			p.name,
			fmt.Sprintf("has %d messages in flight: from 120000 on, polls find nothing", n),
			"run fewer workers with less concurrency, or find out what receives messages and does not delete them",
		)
	}
	if p.own.Duration(sqsqueue.Wait) == 0 {
		e.add(
			SeverityInfo,
			CodeShortPoll,
			p.name,
			"has a ReceiveMessageWaitTimeSeconds of 0: receives of other programs do not wait",
			"",
		)
	}
	if strings.Contains(p.own[sqsqueue.Policy], "sns.amazonaws.com") {
		e.add(SeverityInfo, CodeSNS, p.name, "takes messages from SNS, and does not tell how they are delivered",
			"turn on raw message delivery of the subscriptions: without it, headers do not arrive as attributes")
	}
	if sqsqueue.IsFIFO(p.name) && p.own[sqsqueue.Deduplication] != "true" {
		e.add(SeverityInfo, CodeDeduplication, p.name, "deduplicates by id only: SQS refuses a message without one",
			"dispatch with taskhawk.WithDeduplicationID, or turn on ContentBasedDeduplication")
	}
}

func (e *examination) examineVisibility(p *pair) {
	visibility := p.own.Duration(sqsqueue.Visibility)
	lambda, window := e.lambdaTimeout(p)
	enough := lambdaFactor*lambda + window
	switch {
	case lambda > 0 && visibility < lambda:
		e.add(SeverityError, CodeVisibility, p.name, fmt.Sprintf(
			"has a visibility timeout of %s, shorter than the %s of the Lambda function: "+
				"Lambda refuses the mapping, or tasks run twice",
			visibility,
			lambda,
		), fmt.Sprintf("set VisibilityTimeout to %s", enough))
	case lambda > 0 && visibility < enough:
		e.add(SeverityWarning, CodeVisibility, p.name, fmt.Sprintf(
			"has a visibility timeout of %s: Lambda tries a throttled batch again for longer, "+
				"and its messages are delivered twice",
			visibility,
		), fmt.Sprintf(
			"set VisibilityTimeout to %s, %d times the timeout of the function and the batching window",
			enough,
			lambdaFactor,
		))
	case lambda > 0:
	case visibility == 0:
		e.add(
			SeverityWarning,
			CodeVisibility,
			p.name,
			"has a visibility timeout of 0: programs that set none themselves all get the same messages",
			"set VisibilityTimeout",
		)
	case visibility != e.config.Worker.VisibilityTimeout:
		e.add(SeverityInfo, CodeVisibility, p.name, fmt.Sprintf(
			"has a visibility timeout of %s: it is for other programs, workers ask for %s and extend it", visibility,
			e.config.Worker.VisibilityTimeout), "")
	}
}

// examineRedrivePolicy checks when and how messages become dead letters.
func (e *examination) examineRedrivePolicy(p *pair) {
	policy, err := p.own.RedrivePolicy()
	switch {
	case err != nil:
		e.add(SeverityError, CodeRedrivePolicy, p.name, "has a redrive policy that cannot be read", "set it anew")
		return
	case policy == nil:
		e.add(SeverityError, CodeRedrivePolicy, p.name,
			"has no redrive policy: a task that always fails runs again and again until SQS drops it, and is lost",
			"give it one to "+p.deadLetters+", for example with sqsx.Provision")
		return
	case !strings.HasSuffix(policy.DeadLetterTargetARN, ":"+p.deadLetters):
		e.add(
			SeverityWarning,
			CodeRedrivePolicy,
			p.name,
			"has a redrive policy to "+sqsqueue.OneLine(afterColon(policy.DeadLetterTargetARN))+
				": taskhawk.Permanent and sqsx.Redrive use "+p.deadLetters,
			"set it to that",
		)
	}
	e.examineMaxReceiveCount(p, policy.MaxReceiveCount)
	e.examineMaxAttempts(p, policy.MaxReceiveCount)
	retention, patience := p.own.Duration(sqsqueue.Retention), e.patience(policy.MaxReceiveCount)
	if retention <= patience {
		e.add(SeverityError, CodeRetention, p.name, fmt.Sprintf(
			"keeps messages for %s, the backoff between %d receives adds up to %s: "+
				"SQS drops a failing task before it is a dead letter",
			retention,
			policy.MaxReceiveCount,
			patience,
		), "raise MessageRetentionPeriod, or lower maxReceiveCount or the backoff")
	}
}

func (e *examination) examineMaxReceiveCount(p *pair, count int) {
	lambda, _ := e.lambdaTimeout(p)
	switch {
	case count == 1:
		e.add(
			SeverityError,
			CodeMaxReceiveCount,
			p.name,
			"has a maxReceiveCount of 1: "+
				"every crash and every deployment makes dead letters of tasks that did not fail",
			"set it to 5 or more",
		)
	case count < 3:
		e.add(SeverityWarning, CodeMaxReceiveCount, p.name, fmt.Sprintf(
			"has a maxReceiveCount of %d: receives cut off by crashes and deployments count too",
			count,
		), "set it to 5 or more")
	case lambda > 0 && count < lambdaReceives:
		e.add(SeverityWarning, CodeMaxReceiveCount, p.name, fmt.Sprintf(
			"has a maxReceiveCount of %d: receives that Lambda throttles count too",
			count,
		), "set it to 5 or more, as AWS advises")
	}
}

// examineMaxAttempts finds tasks with more attempts than the queue grants.
func (e *examination) examineMaxAttempts(p *pair, count int) {
	for _, task := range e.config.Tasks {
		if most := task.Policy().MaxAttempts; most > count {
			e.add(SeverityWarning, CodeMaxAttempts, p.name, fmt.Sprintf(
				"has a maxReceiveCount of %d, less than the %d of WithMaxAttempts of %s: "+
					"the task is a dead letter earlier",
				count, most, task.Name()), "raise maxReceiveCount, or lower WithMaxAttempts")
		}
	}
}

// patience returns how long the retries of a message take: the sum of backoffs after its
// receives, for the task with the longest.
func (e *examination) patience(receives int) time.Duration {
	longest := backoffs(e.config.Worker.Backoff, receives)
	for _, task := range e.config.Tasks {
		if policy := task.Policy(); policy.Backoff != nil {
			longest = max(longest, backoffs(guard.Backoff(policy.Backoff, func(error) {}), receives))
		}
	}
	return longest
}

// backoffs returns the sum of the delays after a number of receives.
func backoffs(backoff taskhawk.Backoff, receives int) time.Duration {
	if backoff == nil {
		backoff = doubling
	}
	var total time.Duration
	for attempt := range min(receives, sqsqueue.MaxReceiveCount) {
		total += max(0, min(backoff(attempt+1), sqsx.MaxVisibility))
	}
	return total
}

// doubling returns the longest delays of the default backoff of workers.
func doubling(attempt int) time.Duration {
	const first, last = 5 * time.Second, 15 * time.Minute
	return min(last, first<<min(attempt-1, 20))
}

// afterColon returns the name of a queue in its ARN.
func afterColon(arn string) string { return arn[strings.LastIndexByte(arn, ':')+1:] }

// examineDeadLetters checks the attributes of a dead-letter queue.
func (e *examination) examineDeadLetters(p *pair) {
	if p.dead[sqsqueue.Redrive] != "" {
		e.add(
			SeverityWarning,
			CodeDeadLetterChain,
			p.deadLetters,
			"has a redrive policy itself: every look at its letters counts, that of sqsx.Redrive too, "+
				"and moves them on in the end",
			"take its redrive policy away",
		)
	}
	visible, inFlight := p.dead.Number(sqsqueue.VisibleMessages), p.dead.Number(sqsqueue.InFlight)
	if visible+inFlight > 0 {
		e.add(SeverityInfo, CodeDeadLetters, p.deadLetters, fmt.Sprintf(
			"has about %d dead letters, %d of them in flight", visible+inFlight, inFlight),
			"look at their reasons, mend the cause, and move them back with sqsx.Redrive")
	}
}

// examinePair checks a queue against its dead-letter queue.
func (e *examination) examinePair(p *pair) {
	e.examineDeadLetterRetention(p)
	if !allows(p.dead[sqsqueue.RedriveAllow], p.own[sqsqueue.ARN]) {
		e.add(SeverityError, CodeRedriveAllow, p.deadLetters,
			"takes no dead letters from "+p.name+" by its RedriveAllowPolicy: they stay there and run again and again",
			"allow it, or take the RedriveAllowPolicy away")
	}
	if own, dead := p.own.Number(sqsqueue.MaxMessageSize), p.dead.Number(sqsqueue.MaxMessageSize); dead < own {
		e.add(SeverityWarning, CodeMessageSize, p.deadLetters, fmt.Sprintf(
			"takes messages of %d bytes, the queue of %d: taskhawk.Permanent fails for larger ones", dead, own),
			fmt.Sprintf("set MaximumMessageSize to %d", own))
	}
	e.examineEncryption(p)
}

// examineDeadLetterRetention compares the retention of the two queues. On standard
// queues, a message that SQS moves keeps the time when it was sent. Source: "Using
// dead-letter queues in Amazon SQS", message retention periods.
func (e *examination) examineDeadLetterRetention(p *pair) {
	own, dead := p.own.Duration(sqsqueue.Retention), p.dead.Duration(sqsqueue.Retention)
	if sqsqueue.IsFIFO(p.name) || dead > own {
		return
	}
	severity, advice := SeverityWarning, "set its MessageRetentionPeriod to "+strconv.Itoa(
		int(sqsqueue.MaxRetention/time.Second),
	)+", 14 days"
	if dead < own {
		severity = SeverityError
	}
	if own == sqsqueue.MaxRetention {
		advice += ", and that of the queue lower"
	}
	e.add(severity, CodeDeadLetterRetention, p.deadLetters, fmt.Sprintf(
		"keeps messages for %s, the queue for %s: the time on the queue counts, "+
			"so dead letters are dropped early, or at once",
		dead,
		own,
	), advice)
}

// allows reads a RedriveAllowPolicy. An empty one allows all.
func allows(text, sourceARN string) bool {
	var policy struct {
		RedrivePermission string   `json:"redrivePermission"`
		SourceQueueARNs   []string `json:"sourceQueueArns"`
	}
	if text == "" || json.Unmarshal([]byte(text), &policy) != nil {
		return true
	}
	switch policy.RedrivePermission {
	case "denyAll":
		return false
	case "byQueue":
		return slices.Contains(policy.SourceQueueARNs, sourceARN)
	}
	return true
}

func (e *examination) examineEncryption(p *pair) {
	own, dead := encryption(p.own), encryption(p.dead)
	switch {
	case own == unencrypted:
		e.add(
			SeverityInfo,
			CodeEncryption,
			p.name,
			"is not encrypted at rest",
			"turn on SqsManagedSseEnabled, which costs nothing",
		)
	case dead == unencrypted:
		e.add(
			SeverityWarning,
			CodeEncryption,
			p.deadLetters,
			"is not encrypted at rest, its queue is",
			"encrypt it as the queue is",
		)
	}
	if own == encryptedByKey {
		e.add(
			SeverityInfo,
			CodeEncryption,
			p.name,
			"is encrypted by the KMS key "+sqsqueue.OneLine(p.own[sqsqueue.Key])+": publishers and workers need "+
				"kms:GenerateDataKey and kms:Decrypt on it",
			"sqscheck.Policy writes the policy, with KeyARN",
		)
	}
}

// encrypted is the kind of encryption of a queue.
type encrypted uint8

const (
	unencrypted encrypted = iota
	encryptedBySQS
	encryptedByKey
)

func encryption(a sqsqueue.Attributes) encrypted {
	switch {
	case a[sqsqueue.Key] != "":
		return encryptedByKey
	case a[sqsqueue.ManagedSSE] == "true":
		return encryptedBySQS
	}
	return unencrypted
}
