package sqsx

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// API is what publishers and workers need of SQS. *sqs.Client satisfies it; make that
// from your aws.Config as usual. The methods GetQueueUrl, SendMessageBatch,
// ReceiveMessage, DeleteMessageBatch and ChangeMessageVisibilityBatch belong to the
// client, and the IAM actions they need are sqs:GetQueueUrl, sqs:SendMessage,
// sqs:ReceiveMessage, sqs:DeleteMessage and sqs:ChangeMessageVisibility.
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

// AdminAPI is what [Provision] needs on top of [API]: CreateQueue, GetQueueAttributes and
// SetQueueAttributes. *sqs.Client satisfies it.
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
