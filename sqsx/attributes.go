package sqsx

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/attempts"
)

// The attributes of queues that this package reads or sets.
const (
	attributeARN             = string(types.QueueAttributeNameQueueArn)
	attributeDeduplication   = string(types.QueueAttributeNameContentBasedDeduplication)
	attributeDelay           = string(types.QueueAttributeNameDelaySeconds)
	attributeFIFO            = string(types.QueueAttributeNameFifoQueue)
	attributeInFlight        = string(types.QueueAttributeNameApproximateNumberOfMessagesNotVisible)
	attributeKey             = string(types.QueueAttributeNameKmsMasterKeyId)
	attributeManagedSSE      = string(types.QueueAttributeNameSqsManagedSseEnabled)
	attributeMaxMessageSize  = string(types.QueueAttributeNameMaximumMessageSize)
	attributePolicy          = string(types.QueueAttributeNamePolicy)
	attributeRedrive         = string(types.QueueAttributeNameRedrivePolicy)
	attributeRedriveAllow    = string(types.QueueAttributeNameRedriveAllowPolicy)
	attributeRetention       = string(types.QueueAttributeNameMessageRetentionPeriod)
	attributeVisibility      = string(types.QueueAttributeNameVisibilityTimeout)
	attributeVisibleMessages = string(types.QueueAttributeNameApproximateNumberOfMessages)
	attributeWait            = string(types.QueueAttributeNameReceiveMessageWaitTimeSeconds)
)

// attributes are those of a queue, as SQS gives them.
type attributes map[string]string

// getAttributes asks for attributes of the queue of that name and URL.
func getAttributes(
	ctx context.Context, api CheckAPI, name string, url *string, wanted ...types.QueueAttributeName,
) (attributes, error) {
	ctx, cancel := context.WithTimeout(ctx, attempts.CallTimeout)
	defer cancel()
	out, err := api.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: url, AttributeNames: wanted})
	if err != nil {
		return nil, &QueueError{Queue: name, Err: err}
	}
	if out.Attributes == nil {
		return attributes{}, nil // nil stands for a queue that could not be asked
	}
	return out.Attributes, nil
}

// number is a number, 0 when the attribute is not there.
func (a attributes) number(name string) int {
	n, _ := strconv.Atoi(a[name]) // SQS writes nothing but numbers
	return n
}

// duration is a number of seconds.
func (a attributes) duration(name string) time.Duration {
	return time.Duration(a.number(name)) * time.Second
}

// redrivePolicy says where a queue's messages go that were received too often.
type redrivePolicy struct {
	DeadLetterTargetARN string
	MaxReceiveCount     int
}

// redrivePolicy is nil when the queue has none. SQS takes and gives the count as a number or as a text.
func (a attributes) redrivePolicy() (*redrivePolicy, error) {
	if a[attributeRedrive] == "" {
		return nil, nil //nolint:nilnil // no policy is not an error
	}
	var wire struct {
		DeadLetterTargetARN string          `json:"deadLetterTargetArn"`
		MaxReceiveCount     json.RawMessage `json:"maxReceiveCount"`
	}
	if err := json.Unmarshal([]byte(a[attributeRedrive]), &wire); err != nil {
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
	return &redrivePolicy{DeadLetterTargetARN: wire.DeadLetterTargetARN, MaxReceiveCount: count}, nil
}
