package sqsx_test

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/sqsx"
)

// silentAPI is an SQS that knows every queue and answers nothing else until the caller
// gives up.
type silentAPI struct{ sqsx.API }

func (silentAPI) GetQueueUrl(
	context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options),
) (*sqs.GetQueueUrlOutput, error) {
	return &sqs.GetQueueUrlOutput{QueueUrl: aws.String("https://sqs.test/queue")}, nil
}

func (silentAPI) SendMessageBatch(
	ctx context.Context, _ *sqs.SendMessageBatchInput, _ ...func(*sqs.Options),
) (*sqs.SendMessageBatchOutput, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// partialAPI stores the message with body "stored", and always answers for the others as
// their bodies say.
type partialAPI struct {
	silentAPI
	mu   sync.Mutex
	sent map[string]int // how often each body was sent
}

func (a *partialAPI) SendMessageBatch(
	_ context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options),
) (*sqs.SendMessageBatchOutput, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	// SQS never answers for entries that are not there; the SDK would pass it on.
	out := &sqs.SendMessageBatchOutput{Successful: []types.SendMessageBatchResultEntry{{Id: aws.String("99")}, {}}}
	for _, entry := range in.Entries {
		a.sent[*entry.MessageBody]++
		switch *entry.MessageBody {
		case "stored":
			out.Successful = append(out.Successful, types.SendMessageBatchResultEntry{Id: entry.Id})
		case "internal":
			out.Failed = append(out.Failed, types.BatchResultErrorEntry{
				Id: entry.Id, Code: aws.String("InternalError"), Message: aws.String("try again"),
			})
		case "refused":
			out.Failed = append(out.Failed, types.BatchResultErrorEntry{
				Id: entry.Id, Code: aws.String("InvalidMessageContents"), Message: aws.String("no"), SenderFault: true,
			})
		}
	}
	return out, nil
}
