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

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/internal/nilcheck"
	"github.com/taskhawk/taskhawk-go/internal/sqsqueue"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// ProvisionConfig describes the queues that [Provision] creates. The zero value is a good
// default. The wait time of the queues (ReceiveMessageWaitTimeSeconds) is [MaxWaitTime],
// so that receives of other programs wait for messages too.
type ProvisionConfig struct {
	// Priorities are the queues to create. Default: all four.
	Priorities []taskhawk.Priority
	// MaxReceiveCount is how often a message is delivered before SQS moves it to the
	// dead-letter queue. Every receive counts, also those cut off by a stop or a crash,
	// so a small number makes dead letters of healthy tasks. 1 to 1000. Default 5.
	MaxReceiveCount int
	// VisibilityTimeout of the queues, up to 12 h. Default 0: the default of SQS, 30 s.
	VisibilityTimeout time.Duration
	// Retention is how long the queues keep a message, 1 min to 14 days. Default 0: the
	// default of SQS, 4 days. Dead-letter queues always keep messages for 14 days,
	// since SQS counts from when a message was first sent.
	Retention time.Duration
	// Tags are put on the queues that Provision creates.
	Tags map[string]string
	// Naming returns the names of the queues. Default: [QueueName]. Names that end in
	// .fifo make FIFO queues.
	Naming Naming
}

const (
	defaultMaxReceiveCount = 5
	minRetention           = time.Minute
)

// Provision creates the missing queues of an application, each with a dead-letter queue
// and a redrive policy. It may be called at every start and by many processes at once.
// Existing queues keep their settings, but a queue without a redrive policy gets one.
// Package sqscheck checks existing queues.
//
// Provision works in the caller's own account only, since SQS lets no account create
// queues of another. Use a role of that account there.
//
// Large teams declare queues in Terraform or CloudFormation instead. Provision is for
// development, tests and small services.
func Provision(ctx context.Context, api AdminAPI, app string, config ProvisionConfig) error {
	if nilcheck.IsNil(api) {
		return errors.New("sqsx: provision: nil API")
	}
	if err := config.check(); err != nil {
		return fmt.Errorf("sqsx: provision: %w", err)
	}
	names, err := config.Naming.names(app, config.Priorities)
	if err != nil {
		return fmt.Errorf("sqsx: provision: %w", err)
	}
	p := provisioner{api: api, config: config}
	for _, name := range sqsqueue.InOrder(names) {
		if err := p.provision(ctx, name); err != nil {
			return fmt.Errorf("sqsx: provision: %w", err)
		}
	}
	return nil
}

func (c *ProvisionConfig) check() error {
	switch {
	case c.MaxReceiveCount < 0 || c.MaxReceiveCount > sqsqueue.MaxReceiveCount:
		return fmt.Errorf("MaxReceiveCount %d: SQS takes 1 to %d", c.MaxReceiveCount, sqsqueue.MaxReceiveCount)
	case c.VisibilityTimeout < 0 || c.VisibilityTimeout > MaxVisibility:
		return fmt.Errorf("VisibilityTimeout %s: SQS takes up to %s", c.VisibilityTimeout, MaxVisibility)
	case c.Retention != 0 && (c.Retention < minRetention || c.Retention > sqsqueue.MaxRetention):
		return fmt.Errorf("retention %s: SQS takes %s to %s", c.Retention, minRetention, sqsqueue.MaxRetention)
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

// provision creates the dead-letter queue first: a redrive policy must name one that
// exists.
func (p *provisioner) provision(ctx context.Context, name string) error {
	deadLetters := DeadLetterQueueName(name)
	url, err := p.ensure(ctx, deadLetters, map[string]string{
		sqsqueue.Retention: inSeconds(sqsqueue.MaxRetention),
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

func (p *provisioner) attributes(policy string) map[string]string {
	attributes := map[string]string{sqsqueue.Redrive: policy, sqsqueue.Wait: inSeconds(MaxWaitTime)}
	if p.config.VisibilityTimeout > 0 {
		attributes[sqsqueue.Visibility] = inSeconds(p.config.VisibilityTimeout)
	}
	if p.config.Retention > 0 {
		attributes[sqsqueue.Retention] = inSeconds(p.config.Retention)
	}
	return attributes
}

// ensure returns the URL of the queue. If the queue is missing, ensure creates it with
// attributes.
func (p *provisioner) ensure(ctx context.Context, name string, attributes map[string]string) (*string, error) {
	ctx, cancel := context.WithTimeout(ctx, awsbatch.CallTimeout)
	defer cancel()
	url, err := lookUp(ctx, p.api, "", name)
	if !sqsqueue.IsMissing(err) {
		return url, err
	}
	if sqsqueue.IsFIFO(name) {
		attributes[sqsqueue.FIFO] = "true"
	}
	created, err := awsbatch.Invoke(ctx, p.api.CreateQueue, &sqs.CreateQueueInput{
		QueueName: aws.String(name), Attributes: attributes, Tags: p.config.Tags,
	})
	if _, exists := errors.AsType[*types.QueueNameExists](err); exists {
		return lookUp(ctx, p.api, "", name) // another process has just created it, with other attributes
	}
	if err != nil {
		return nil, &QueueError{Queue: name, Err: err}
	}
	return created.QueueUrl, nil
}

func (p *provisioner) redrivePolicy(ctx context.Context, deadLetters string, url *string) (string, error) {
	attributes, err := getAttributes(ctx, p.api, deadLetters, url, types.QueueAttributeNameQueueArn)
	if err != nil {
		return "", err
	}
	policy, err := json.Marshal(map[string]any{
		"deadLetterTargetArn": attributes[sqsqueue.ARN], "maxReceiveCount": p.config.MaxReceiveCount,
	})
	return string(policy), err
}

// ensurePolicy sets the redrive policy of an existing queue that has none.
func (p *provisioner) ensurePolicy(ctx context.Context, name string, url *string, policy string) error {
	attributes, err := getAttributes(ctx, p.api, name, url, types.QueueAttributeNameRedrivePolicy)
	if err != nil || attributes[sqsqueue.Redrive] != "" {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, awsbatch.CallTimeout)
	defer cancel()
	_, err = awsbatch.Invoke(ctx, p.api.SetQueueAttributes, &sqs.SetQueueAttributesInput{
		QueueUrl: url, Attributes: map[string]string{sqsqueue.Redrive: policy},
	})
	if err != nil {
		return &QueueError{Queue: name, Err: err}
	}
	return nil
}

func inSeconds(d time.Duration) string { return strconv.Itoa(int(seconds(d))) }

// getAttributes asks for attributes of the queue of that name and URL.
func getAttributes(
	ctx context.Context, api sqsqueue.AttributesAPI, name string, url *string, wanted ...types.QueueAttributeName,
) (sqsqueue.Attributes, error) {
	found, err := sqsqueue.Get(ctx, api, url, wanted...)
	if err != nil {
		return nil, &QueueError{Queue: name, Err: err}
	}
	return found, nil
}
