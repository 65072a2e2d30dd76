package sqsx

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// API has the calls of SQS that publishers and workers make. *sqs.Client satisfies it.
// The calls need the IAM actions sqs:GetQueueUrl, sqs:SendMessage, sqs:ReceiveMessage,
// sqs:DeleteMessage and sqs:ChangeMessageVisibility.
type API interface {
	GetQueueUrl(context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error)
	SendMessageBatch(
		context.Context,
		*sqs.SendMessageBatchInput,
		...func(*sqs.Options),
	) (*sqs.SendMessageBatchOutput, error)
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	DeleteMessageBatch(
		context.Context, *sqs.DeleteMessageBatchInput, ...func(*sqs.Options),
	) (*sqs.DeleteMessageBatchOutput, error)
	ChangeMessageVisibilityBatch(
		context.Context, *sqs.ChangeMessageVisibilityBatchInput, ...func(*sqs.Options),
	) (*sqs.ChangeMessageVisibilityBatchOutput, error)
}

// AdminAPI has the calls that [Provision] makes in addition to [API]: CreateQueue,
// GetQueueAttributes and SetQueueAttributes. *sqs.Client satisfies it.
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
