package sqstest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

func Example() {
	server := sqstest.NewServer()
	defer server.Close()
	client, ctx := server.Client(), context.Background()

	queue, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("jobs")})
	if err != nil {
		panic(err)
	}
	_, err = client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: queue.QueueUrl, MessageBody: aws.String("hello")})
	if err != nil {
		panic(err)
	}
	received, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl, WaitTimeSeconds: 20})
	if err != nil {
		panic(err)
	}
	fmt.Println(*received.Messages[0].Body, server.Queue("jobs").InFlight)
	// Output: hello 1
}

// A server without a socket serves any client that takes an HTTP client.
func ExampleServer_HTTPClient() {
	server := sqstest.NewUnstartedServer()
	defer server.Close()
	client := sqs.NewFromConfig(aws.Config{
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("key", "secret", ""),
		BaseEndpoint: aws.String(server.URL),
		HTTPClient:   server.HTTPClient(),
	})
	_, err := client.GetQueueUrl(context.Background(), &sqs.GetQueueUrlInput{QueueName: aws.String("jobs")})
	var missing *types.QueueDoesNotExist
	fmt.Println(errors.As(err, &missing), server.ClientErrors())
	// Output: true map[QueueDoesNotExist:1]
}

// The response to the first send is lost: the sender sees an error, and the
// message is stored.
func ExampleServer_Inject() {
	server := sqstest.NewUnstartedServer()
	defer server.Close()
	client, ctx := server.Client(func(o *sqs.Options) { o.RetryMaxAttempts = 1 }), context.Background()
	queue, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("jobs")})
	if err != nil {
		panic(err)
	}

	lost := server.Inject(sqstest.Fault{On: sqstest.OpSendMessage, Nth: 1, After: true, Do: sqstest.Reset()})
	_, err = client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: queue.QueueUrl, MessageBody: aws.String("hello")})
	fmt.Println("failed:", err != nil, "fired:", lost.Fired(), "stored:", server.Queue("jobs").Visible)
	// Output: failed: true fired: 1 stored: 1
}

// The second of three entries fails, and the service is to blame, so that it can
// be sent again.
func ExampleFailEntries() {
	server := sqstest.NewUnstartedServer()
	defer server.Close()
	client, ctx := server.Client(), context.Background()
	queue, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("jobs")})
	if err != nil {
		panic(err)
	}

	server.Inject(sqstest.Fault{On: sqstest.OpSendMessageBatch, Do: sqstest.FailEntries("InternalError", false, 1)})
	out, err := client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{
		QueueUrl: queue.QueueUrl,
		Entries: []types.SendMessageBatchRequestEntry{
			{Id: aws.String("a"), MessageBody: aws.String("1")},
			{Id: aws.String("b"), MessageBody: aws.String("2")},
			{Id: aws.String("c"), MessageBody: aws.String("3")},
		},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(len(out.Successful), *out.Failed[0].Id, *out.Failed[0].Code, out.Failed[0].SenderFault)
	// Output: 2 b InternalError false
}

// A test notes when handlers run; the audit reports whether all went well.
func ExampleLedger_Audit() {
	server := sqstest.NewUnstartedServer()
	defer server.Close()
	server.KeyBy(func(body string) string { return body })
	client, ctx := server.Client(), context.Background()
	queue, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("jobs")})
	if err != nil {
		panic(err)
	}
	for _, body := range []string{"task 1", "task 2"} {
		_, err = client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: queue.QueueUrl, MessageBody: &body})
		if err != nil {
			panic(err)
		}
	}
	received, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl})
	if err != nil {
		panic(err)
	}

	ledger := server.Ledger()
	ledger.Note(sqstest.Started, "task 1")
	_, err = client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: queue.QueueUrl, ReceiptHandle: received.Messages[0].ReceiptHandle})
	if err != nil {
		panic(err)
	}
	ledger.Note(sqstest.Succeeded, "task 1")
	audit := ledger.Audit()
	fmt.Printf("accepted %d, deleted %d, left %d, lost %q, deleted too early %q\n",
		audit.Accepted, audit.Deleted, audit.Left, audit.Lost, audit.Premature)
	for _, event := range ledger.Of("task 1") {
		fmt.Println(event.Kind)
	}
	// Output:
	// accepted 2, deleted 1, left 1, lost [], deleted too early ["task 1"]
	// Accepted
	// Received
	// Started
	// Deleted
	// Succeeded
}
