package sqsx

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// API is what publishers and workers need of SQS. *sqs.Client satisfies it; make that from your aws.Config as usual.
type API interface {
	GetQueueUrl(context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error)
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
	SendMessageBatch(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	DeleteMessage(context.Context, *sqs.DeleteMessageInput, ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error)
	ChangeMessageVisibility(
		context.Context, *sqs.ChangeMessageVisibilityInput, ...func(*sqs.Options),
	) (*sqs.ChangeMessageVisibilityOutput, error)
}

// AdminAPI is what [Provision] needs on top of [API]. *sqs.Client satisfies it.
type AdminAPI interface {
	API
	CreateQueue(context.Context, *sqs.CreateQueueInput, ...func(*sqs.Options)) (*sqs.CreateQueueOutput, error)
	GetQueueAttributes(
		context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options),
	) (*sqs.GetQueueAttributesOutput, error)
	SetQueueAttributes(
		context.Context, *sqs.SetQueueAttributesInput, ...func(*sqs.Options),
	) (*sqs.SetQueueAttributesOutput, error)
}

var _ AdminAPI = (*sqs.Client)(nil)
