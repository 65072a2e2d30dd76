package lambdax

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/sns"
)

// PublisherAPI is what a [Publisher] needs of SNS. *sns.Client satisfies it; make that from your aws.Config as usual. The methods
// PublishBatch and ListTopics are those of the client. The IAM actions they need are sns:Publish on the topics, and, unless
// [PublisherConfig] has an Account, sns:ListTopics on all resources, since it can be given for no less.
type PublisherAPI interface {
	PublishBatch(context.Context, *sns.PublishBatchInput, ...func(*sns.Options)) (*sns.PublishBatchOutput, error)
	ListTopics(context.Context, *sns.ListTopicsInput, ...func(*sns.Options)) (*sns.ListTopicsOutput, error)
}

var _ PublisherAPI = (*sns.Client)(nil)

// once keeps the SDK from retrying: the attempts are counted by attempts.Run.
func once(o *sns.Options) { o.RetryMaxAttempts = 1 }
