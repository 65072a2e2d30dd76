package sqsqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
)

// The largest values that SQS takes. Source: SetQueueAttributes.
const (
	MaxReceiveCount = 1000
	MaxRetention    = 14 * 24 * time.Hour
)

// The names of the attributes that are read or set.
const (
	ARN             = string(types.QueueAttributeNameQueueArn)
	Deduplication   = string(types.QueueAttributeNameContentBasedDeduplication)
	Delay           = string(types.QueueAttributeNameDelaySeconds)
	Delayed         = string(types.QueueAttributeNameApproximateNumberOfMessagesDelayed)
	FIFO            = string(types.QueueAttributeNameFifoQueue)
	InFlight        = string(types.QueueAttributeNameApproximateNumberOfMessagesNotVisible)
	Key             = string(types.QueueAttributeNameKmsMasterKeyId)
	ManagedSSE      = string(types.QueueAttributeNameSqsManagedSseEnabled)
	MaxMessageSize  = string(types.QueueAttributeNameMaximumMessageSize)
	Policy          = string(types.QueueAttributeNamePolicy)
	Redrive         = string(types.QueueAttributeNameRedrivePolicy)
	RedriveAllow    = string(types.QueueAttributeNameRedriveAllowPolicy)
	Retention       = string(types.QueueAttributeNameMessageRetentionPeriod)
	Visibility      = string(types.QueueAttributeNameVisibilityTimeout)
	VisibleMessages = string(types.QueueAttributeNameApproximateNumberOfMessages)
	Wait            = string(types.QueueAttributeNameReceiveMessageWaitTimeSeconds)
)

// Attributes are the attributes of a queue, as SQS gives them.
type Attributes map[string]string

// URLAPI has the call that [LookUp] makes: GetQueueUrl, as *sqs.Client has it.
type URLAPI interface {
	GetQueueUrl(context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error)
}

// AttributesAPI has the call that [Get] makes: GetQueueAttributes, as *sqs.Client has
// it.
type AttributesAPI interface {
	GetQueueAttributes(
		context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options),
	) (*sqs.GetQueueAttributesOutput, error)
}

// LookUp returns the URL of the queue of that name in an account, "" for the caller's
// own. It asks SQS each time, since a queue may be created or deleted between two calls.
func LookUp(ctx context.Context, api URLAPI, account, name string) (*string, error) {
	ctx, cancel := context.WithTimeout(ctx, awsbatch.CallTimeout)
	defer cancel()
	in := &sqs.GetQueueUrlInput{QueueName: aws.String(name)}
	if account != "" {
		in.QueueOwnerAWSAccountId = aws.String(account)
	}
	out, err := awsbatch.Invoke(ctx, api.GetQueueUrl, in)
	if err != nil {
		return nil, err
	}
	return out.QueueUrl, nil
}

// IsMissing reports whether SQS knows no such queue, or hides it from the caller.
func IsMissing(err error) bool {
	_, ok := errors.AsType[*types.QueueDoesNotExist](err)
	return ok
}

// IsDenied reports whether the caller lacks a permission.
func IsDenied(err error) bool {
	answer, ok := errors.AsType[smithy.APIError](err)
	return ok && (answer.ErrorCode() == "AccessDenied" || answer.ErrorCode() == "AccessDeniedException")
}

// whichTimeout limits [Which], which only adds to an error.
const whichTimeout = 2 * time.Second

// Which reports which queues exist. It looks up the names that are not in known,
// concurrently. A queue that the caller may not look up counts as missing, as for SQS.
// The result has all names, or is nil if SQS did not answer for each.
func Which(ctx context.Context, api URLAPI, account string, names []string, known map[string]bool) map[string]bool {
	ctx, cancel := context.WithTimeout(ctx, whichTimeout)
	defer cancel()
	errs := make([]error, len(names))
	var group sync.WaitGroup
	for i, name := range names {
		if _, looked := known[name]; !looked {
			group.Go(func() { _, errs[i] = LookUp(ctx, api, account, name) })
		}
	}
	group.Wait()
	exists := make(map[string]bool, len(names))
	for i, name := range names {
		found, looked := known[name]
		switch {
		case looked:
			exists[name] = found
		case errs[i] == nil || IsMissing(errs[i]) || IsDenied(errs[i]):
			exists[name] = errs[i] == nil
		default:
			return nil
		}
	}
	return exists
}

// Get asks for attributes of the queue of that URL. The result is not nil if the error
// is nil.
func Get(ctx context.Context, api AttributesAPI, url *string, wanted ...types.QueueAttributeName) (Attributes, error) {
	ctx, cancel := context.WithTimeout(ctx, awsbatch.CallTimeout)
	defer cancel()
	in := &sqs.GetQueueAttributesInput{QueueUrl: url, AttributeNames: wanted}
	out, err := awsbatch.Invoke(ctx, api.GetQueueAttributes, in)
	if err != nil {
		return nil, err
	}
	if out.Attributes == nil {
		return Attributes{}, nil
	}
	return out.Attributes, nil
}

// numeric are the attributes that are whole numbers.
func numeric() []string {
	return []string{Visibility, Retention, Delay, MaxMessageSize, Wait, VisibleMessages, InFlight}
}

// Unreadable returns the names of the attributes that are there, and are not the numbers
// that they should be: digits and nothing else.
func (a Attributes) Unreadable() []string {
	var names []string
	for _, name := range numeric() {
		text, ok := a[name]
		if _, err := strconv.ParseUint(text, 10, 31); ok && err != nil {
			names = append(names, name)
		}
	}
	return names
}

// Number is a number, 0 when the attribute is not there, or is [Attributes.Unreadable].
func (a Attributes) Number(name string) int {
	n, err := strconv.ParseUint(a[name], 10, 31)
	if err != nil {
		return 0
	}
	return int(n)
}

// Duration is a number of seconds.
func (a Attributes) Duration(name string) time.Duration {
	return time.Duration(a.Number(name)) * time.Second
}

// RedrivePolicy is where a queue moves messages that were received too often.
type RedrivePolicy struct {
	// DeadLetterTargetARN is the ARN of the dead-letter queue.
	DeadLetterTargetARN string
	// MaxReceiveCount is how many receives a message may have.
	MaxReceiveCount int
}

// RedrivePolicy is nil when the queue has none. SQS takes and gives the count as a number
// or as a text.
func (a Attributes) RedrivePolicy() (*RedrivePolicy, error) {
	if a[Redrive] == "" {
		return nil, nil //nolint:nilnil // no policy is not an error
	}
	var wire struct {
		DeadLetterTargetARN string          `json:"deadLetterTargetArn"`
		MaxReceiveCount     json.RawMessage `json:"maxReceiveCount"`
	}
	if err := json.Unmarshal([]byte(a[Redrive]), &wire); err != nil {
		return nil, fmt.Errorf("redrive policy: %w", err)
	}
	text := string(wire.MaxReceiveCount)
	if plain, err := strconv.Unquote(text); err == nil {
		text = plain
	}
	count, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("redrive policy: maxReceiveCount: %w", err)
	}
	if count < 1 {
		return nil, fmt.Errorf("redrive policy: maxReceiveCount %d", count)
	}
	return &RedrivePolicy{DeadLetterTargetARN: wire.DeadLetterTargetARN, MaxReceiveCount: count}, nil
}
