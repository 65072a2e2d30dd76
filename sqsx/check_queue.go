package sqsx

import (
	"fmt"
	"strings"
	"time"
)

// lambdaFactor is how many times the timeout of a function the visibility timeout of its queue should be, and lambdaReceives the least
// maxReceiveCount. Source: "Configuring your queue for Lambda", AWS Lambda Developer Guide.
const (
	lambdaFactor   = 6
	lambdaReceives = 5
)

// manyInFlight is near the 120,000 messages of one queue that SQS lets be in flight.
const manyInFlight = 100_000

// examineQueue looks at a queue by itself.
func (e *examination) examineQueue(p *pair) {
	e.examineVisibility(p)
	if delay := p.own.duration(attributeDelay); delay > 0 {
		e.add(SeverityWarning, CodeDelay, p.name, fmt.Sprintf("delays every message by %s, also where no delay was asked for", delay),
			"set DelaySeconds to 0 and use taskhawk.WithDelay where tasks shall wait")
	}
	if size := p.own.number(attributeMaxMessageSize); size < MaxMessageSize {
		e.add(SeverityWarning, CodeMessageSize, p.name, fmt.Sprintf(
			"takes messages of %d bytes: larger ones pass the check before the call and are then refused", size),
			fmt.Sprintf("set MaximumMessageSize to %d", MaxMessageSize))
	}
	if n := p.own.number(attributeInFlight); n >= manyInFlight {
		e.add(SeverityWarning, CodeInFlight, p.name, fmt.Sprintf("has %d messages in flight: from 120000 on, polls find nothing", n),
			"run fewer workers with less concurrency, or find out who receives messages and does not delete them")
	}
	if p.own.duration(attributeWait) == 0 {
		e.add(SeverityInfo, CodeShortPoll, p.name, "has a ReceiveMessageWaitTimeSeconds of 0: receives of other programs do not wait", "")
	}
	if strings.Contains(p.own[attributePolicy], "sns.amazonaws.com") {
		e.add(SeverityInfo, CodeSNS, p.name, "takes messages from SNS, and does not tell how they are delivered",
			"turn on raw message delivery of the subscriptions: without it, headers do not arrive as attributes")
	}
	if isFIFO(p.name) && p.own[attributeDeduplication] != "true" {
		e.add(SeverityInfo, CodeDeduplication, p.name, "deduplicates by id only: SQS refuses a message without one",
			"dispatch with taskhawk.WithDeduplicationID, or turn on ContentBasedDeduplication")
	}
}

func (e *examination) examineVisibility(p *pair) {
	visibility := p.own.duration(attributeVisibility)
	lambda, window := e.lambdaTimeout(p)
	enough := lambdaFactor*lambda + window
	switch {
	case lambda > 0 && visibility < lambda:
		e.add(SeverityError, CodeVisibility, p.name, fmt.Sprintf(
			"has a visibility timeout of %s, shorter than the %s of the Lambda function: Lambda refuses the mapping, or tasks run twice",
			visibility, lambda), fmt.Sprintf("set VisibilityTimeout to %s", enough))
	case lambda > 0 && visibility < enough:
		e.add(SeverityWarning, CodeVisibility, p.name, fmt.Sprintf(
			"has a visibility timeout of %s: Lambda tries a throttled batch again for longer, and its messages are delivered twice",
			visibility), fmt.Sprintf(
			"set VisibilityTimeout to %s, %d times the timeout of the function and the batching window", enough, lambdaFactor))
	case lambda > 0:
	case visibility == 0:
		e.add(SeverityWarning, CodeVisibility, p.name,
			"has a visibility timeout of 0: programs that set none themselves all get the same messages", "set VisibilityTimeout")
	case visibility != e.config.Worker.VisibilityTimeout:
		e.add(SeverityInfo, CodeVisibility, p.name, fmt.Sprintf(
			"has a visibility timeout of %s: it is for other programs, workers ask for %s and extend it", visibility,
			e.config.Worker.VisibilityTimeout), "")
	}
}

// examineRedrivePolicy looks at when and how messages become dead letters.
func (e *examination) examineRedrivePolicy(p *pair) {
	policy, err := p.own.redrivePolicy()
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
		e.add(SeverityWarning, CodeRedrivePolicy, p.name, "has a redrive policy to "+oneLine(afterColon(policy.DeadLetterTargetARN))+
			": taskhawk.Permanent and sqsx.Redrive use "+p.deadLetters, "set it to that")
	}
	e.examineMaxReceiveCount(p, policy.MaxReceiveCount)
	if retention, patience := p.own.duration(attributeRetention), e.patience(policy.MaxReceiveCount); retention <= patience {
		e.add(SeverityError, CodeRetention, p.name, fmt.Sprintf(
			"keeps messages for %s, the backoff between %d receives adds up to %s: SQS drops a failing task before it is a dead letter",
			retention, policy.MaxReceiveCount, patience), "raise MessageRetentionPeriod, or lower maxReceiveCount or the backoff")
	}
}

func (e *examination) examineMaxReceiveCount(p *pair, count int) {
	lambda, _ := e.lambdaTimeout(p)
	switch {
	case count == 1:
		e.add(SeverityError, CodeMaxReceiveCount, p.name,
			"has a maxReceiveCount of 1: every crash and every deployment makes dead letters of tasks that did not fail", "set it to 5 or more")
	case count < 3:
		e.add(SeverityWarning, CodeMaxReceiveCount, p.name, fmt.Sprintf(
			"has a maxReceiveCount of %d: receives cut off by crashes and deployments count too", count), "set it to 5 or more")
	case lambda > 0 && count < lambdaReceives:
		e.add(SeverityWarning, CodeMaxReceiveCount, p.name, fmt.Sprintf(
			"has a maxReceiveCount of %d: receives that Lambda throttles count too", count), "set it to 5 or more, as AWS advises")
	}
}

// patience is how long the retries of a message take: the backoffs after each of its receives.
func (e *examination) patience(receives int) time.Duration {
	backoff := e.config.Worker.Backoff
	if backoff == nil {
		backoff = doubling
	}
	var total time.Duration
	for attempt := range min(receives, maxMaxReceiveCount) {
		total += max(0, min(backoff(attempt+1), MaxVisibility))
	}
	return total
}

// doubling is the default backoff of workers at its longest, without jitter.
func doubling(attempt int) time.Duration {
	const first, last = 5 * time.Second, 15 * time.Minute
	return min(last, first<<min(attempt-1, 20))
}

// afterColon is the name of a queue in its ARN.
func afterColon(arn string) string { return arn[strings.LastIndexByte(arn, ':')+1:] }
