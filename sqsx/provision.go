package sqsx

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// ProvisionConfig describes the queues that [Provision] creates. The zero value is a good default.
type ProvisionConfig struct {
	// Priorities are the queues to create. Default: all four.
	Priorities []taskhawk.Priority
	// MaxReceiveCount is how often a message is delivered before SQS moves it to the dead-letter queue. Every receive counts, also
	// those cut off by a stop or a crash, so small numbers lose patience with healthy tasks. Default 5.
	MaxReceiveCount int
	// VisibilityTimeout of the queues, up to 12 h. Default 0: that of SQS, 30 s.
	VisibilityTimeout time.Duration
	// Retention is how long the queues keep a message, 1 min to 14 days. Default 0: that of SQS, 4 days. Dead-letter
	// queues always keep 14 days: SQS counts from when the message was first sent.
	Retention time.Duration
	// Tags are put on queues that are created.
	Tags map[string]string
	// Naming returns the names of the queues. Default: [QueueName]. Names that end in .fifo make FIFO queues.
	Naming Naming
}

const (
	defaultMaxReceiveCount = 5
	maxRetention           = 14 * 24 * time.Hour
)

// Provision makes sure that the queues of an application exist, each with a dead-letter queue and a redrive policy to it. It can
// be repeated, also at every start: what exists is left as it is, but for a queue without a redrive policy, which gets one.
//
// Large teams declare queues in Terraform or CloudFormation instead; this is for development, tests and small services.
func Provision(ctx context.Context, api AdminAPI, queue string, config ProvisionConfig) error {
	if err := config.check(); err != nil {
		return fmt.Errorf("sqsx: provision: %w", err)
	}
	names, err := config.Naming.names(queue, config.Priorities)
	if err != nil {
		return fmt.Errorf("sqsx: provision: %w", err)
	}
	p := provisioner{api: api, config: config}
	for _, priority := range taskhawk.Priorities() {
		if name, ok := names[priority]; ok {
			if err := p.provision(ctx, name); err != nil {
				return fmt.Errorf("sqsx: provision: %w", err)
			}
		}
	}
	return nil
}

func (c *ProvisionConfig) check() error {
	switch {
	case c.MaxReceiveCount < 0:
		return fmt.Errorf("negative MaxReceiveCount %d", c.MaxReceiveCount)
	case c.VisibilityTimeout < 0 || c.VisibilityTimeout > MaxVisibility:
		return fmt.Errorf("VisibilityTimeout %s: SQS takes up to %s", c.VisibilityTimeout, MaxVisibility)
	case c.Retention < 0 || c.Retention > maxRetention:
		return fmt.Errorf("retention %s: SQS takes up to %s", c.Retention, maxRetention)
	}
	if c.MaxReceiveCount == 0 {
		c.MaxReceiveCount = defaultMaxReceiveCount
	}
	return nil
}

type provisioner struct {
	api    AdminAPI
	config ProvisionConfig
}

// provision creates the dead-letter queue first: a redrive policy must name one that exists.
func (p *provisioner) provision(ctx context.Context, name string) error {
	deadLetters := DeadLetterQueueName(name)
	url, err := p.ensure(ctx, deadLetters, map[string]string{
		attributeRetention: inSeconds(maxRetention),
	})
	if err != nil {
		return err
	}
	policy, err := p.redrivePolicy(ctx, deadLetters, url)
	if err != nil {
		return err
	}
	if url, err = p.ensure(ctx, name, p.attributes(policy)); err != nil {
		return err
	}
	return p.ensurePolicy(ctx, name, url, policy)
}

const (
	attributeRetention  = string(types.QueueAttributeNameMessageRetentionPeriod)
	attributeVisibility = string(types.QueueAttributeNameVisibilityTimeout)
	attributeRedrive    = string(types.QueueAttributeNameRedrivePolicy)
	attributeFIFO       = string(types.QueueAttributeNameFifoQueue)
	attributeARN        = string(types.QueueAttributeNameQueueArn)
)

func (p *provisioner) attributes(policy string) map[string]string {
	attributes := map[string]string{attributeRedrive: policy}
	if p.config.VisibilityTimeout > 0 {
		attributes[attributeVisibility] = inSeconds(p.config.VisibilityTimeout)
	}
	if p.config.Retention > 0 {
		attributes[attributeRetention] = inSeconds(p.config.Retention)
	}
	return attributes
}

// ensure returns the URL of the queue, which it creates with attributes when it is not there.
func (p *provisioner) ensure(ctx context.Context, name string, attributes map[string]string) (*string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	found, err := p.api.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(name)})
	if err == nil {
		return found.QueueUrl, nil
	}
	var missing *types.QueueDoesNotExist
	if !errors.As(err, &missing) {
		return nil, &QueueError{Queue: name, Err: err}
	}
	if isFIFO(name) {
		attributes[attributeFIFO] = "true"
	}
	created, err := p.api.CreateQueue(ctx, &sqs.CreateQueueInput{
		QueueName: aws.String(name), Attributes: attributes, Tags: p.config.Tags,
	})
	if err != nil {
		return nil, &QueueError{Queue: name, Err: err}
	}
	return created.QueueUrl, nil
}

func (p *provisioner) redrivePolicy(ctx context.Context, deadLetters string, url *string) (string, error) {
	attributes, err := queueAttributes(ctx, p.api, deadLetters, url, types.QueueAttributeNameQueueArn)
	if err != nil {
		return "", err
	}
	policy, err := json.Marshal(map[string]any{
		"deadLetterTargetArn": attributes[attributeARN], "maxReceiveCount": p.config.MaxReceiveCount,
	})
	return string(policy), err
}

// ensurePolicy gives a queue that was there before a redrive policy if it has none.
func (p *provisioner) ensurePolicy(ctx context.Context, name string, url *string, policy string) error {
	attributes, err := queueAttributes(ctx, p.api, name, url, types.QueueAttributeNameRedrivePolicy)
	if err != nil || attributes[attributeRedrive] != "" {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err = p.api.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{
		QueueUrl: url, Attributes: map[string]string{attributeRedrive: policy},
	})
	if err != nil {
		return &QueueError{Queue: name, Err: err}
	}
	return nil
}

func queueAttributes(
	ctx context.Context, api AdminAPI, name string, url *string, wanted ...types.QueueAttributeName,
) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := api.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: url, AttributeNames: wanted})
	if err != nil {
		return nil, &QueueError{Queue: name, Err: err}
	}
	return out.Attributes, nil
}

func inSeconds(d time.Duration) string { return strconv.Itoa(int(seconds(d))) }
