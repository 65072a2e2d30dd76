package sqsx

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// RedriveAPI is what [Redrive] needs of SQS on top of [API]: GetQueueAttributes, StartMessageMoveTask, ListMessageMoveTasks and
// CancelMessageMoveTask, as the client has them. *sqs.Client satisfies it.
type RedriveAPI interface {
	API
	GetQueueAttributes(
		context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options),
	) (*sqs.GetQueueAttributesOutput, error)
	StartMessageMoveTask(
		context.Context, *sqs.StartMessageMoveTaskInput, ...func(*sqs.Options),
	) (*sqs.StartMessageMoveTaskOutput, error)
	ListMessageMoveTasks(
		context.Context, *sqs.ListMessageMoveTasksInput, ...func(*sqs.Options),
	) (*sqs.ListMessageMoveTasksOutput, error)
	CancelMessageMoveTask(
		context.Context, *sqs.CancelMessageMoveTaskInput, ...func(*sqs.Options),
	) (*sqs.CancelMessageMoveTaskOutput, error)
}

var _ RedriveAPI = (*sqs.Client)(nil)
