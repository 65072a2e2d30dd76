package sqsx_test

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/sqsx"
)

// silentAPI is an SQS that knows every queue and answers nothing else until the caller gives up.
type silentAPI struct{ sqsx.API }

func (silentAPI) GetQueueUrl(
	context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options),
) (*sqs.GetQueueUrlOutput, error) {
	return &sqs.GetQueueUrlOutput{QueueUrl: aws.String("https://sqs.test/queue")}, nil
}

func (silentAPI) SendMessage(
	ctx context.Context, _ *sqs.SendMessageInput, _ ...func(*sqs.Options),
) (*sqs.SendMessageOutput, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// partialAPI stores the first entry of a batch, refuses the second and does not mention the others.
type partialAPI struct{ silentAPI }

func (partialAPI) SendMessageBatch(
	_ context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options),
) (*sqs.SendMessageBatchOutput, error) {
	return &sqs.SendMessageBatchOutput{
		Successful: []types.SendMessageBatchResultEntry{{Id: in.Entries[0].Id}, {Id: aws.String("99")}, {}},
		Failed: []types.BatchResultErrorEntry{{
			Id: in.Entries[1].Id, Code: aws.String("InternalError"), Message: aws.String("try again"),
		}},
	}, nil
}
