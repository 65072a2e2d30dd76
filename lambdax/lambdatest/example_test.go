package lambdatest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/taskhawk/taskhawk-go/lambdax/lambdatest"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// The program calls lambda.Start with a handler that answers, fails or panics as its event says.
func ExampleFunction() {
	ctx := context.Background()
	function, err := lambdatest.Start(ctx, lambdatest.Config{Program: program, Timeout: 30 * time.Second}) // program: made by Build
	if err != nil {
		panic(err)
	}
	defer function.Close()
	for _, event := range []string{`{"Do":"answer","With":{"batchItemFailures":[]}}`, `{"Do":"fail"}`, `{"Do":"panic"}`, `{"Do":"answer","With":1}`} {
		result, err := function.Invoke(ctx, []byte(event))
		if err != nil {
			panic(err)
		}
		if result.Error != nil {
			fmt.Println("failed:", result.Error)
			continue
		}
		fmt.Println("answered:", string(result.Response))
	}
	fmt.Println("processes:", function.Starts())
	// Output:
	// answered: {"batchItemFailures":[]}
	// failed: errorString: no luck
	// failed: string: boom
	// answered: 1
	// processes: 2
}

// The traps of partial batch responses: of four answers that mean "the second message
// failed", one says so.
func ExampleDone() {
	batch := []string{"id-1", "id-2"}
	for _, response := range []string{
		`{"batchItemFailures":[{"itemIdentifier":"id-2"}]}`,
		`{"BatchItemFailures":[{"itemIdentifier":"id-2"}]}`,
		`{"batchItemFailures":[{"ItemIdentifier":"id-2"}]}`,
		`{"batchItemFailures":["id-2"]}`,
	} {
		fmt.Println(lambdatest.Done(batch, lambdatest.Result{Response: []byte(response)}, true))
	}
	// Output:
	// [id-1]
	// [id-1 id-2]
	// []
	// []
}

// A queue of the embedded SQS feeds a function, batch by batch.
func ExampleMapping() {
	server := sqstest.NewServer()
	defer server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	queue, err := server.Client().CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("jobs")})
	if err != nil {
		panic(err)
	}
	_, err = server.Client().SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: queue.QueueUrl, MessageBody: aws.String("hello")})
	if err != nil {
		panic(err)
	}

	source, err := server.EventSource("jobs", time.Second)
	if err != nil {
		panic(err)
	}
	mapping := lambdatest.Mapping{
		Source:                  source,
		Function:                invoker(func([]string, []string) (string, error) { return `{"batchItemFailures":[]}`, nil }), // or a *Function
		ReportBatchItemFailures: true,
		Observe: func(b lambdatest.Batch) {
			fmt.Printf("%d of %d done, %d left\n", len(b.Done), len(b.Messages), len(server.Queue("jobs").Messages))
			cancel()
		},
	}
	if err := mapping.Run(ctx); err != nil {
		panic(err)
	}
	// Output: 1 of 1 done, 0 left
}
