package sqstest_test

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// A topic of the same server delivers to a queue of it.
func ExampleServer_SNSClient() {
	server := sqstest.NewServer()
	defer server.Close()
	ctx, queues, topics := context.Background(), server.Client(), server.SNSClient()

	queue, _ := queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("jobs")})
	topic, _ := topics.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String("jobs")})
	_, _ = topics.Subscribe(ctx, &sns.SubscribeInput{
		TopicArn: topic.TopicArn, Protocol: aws.String("sqs"), Endpoint: aws.String(server.Queue("jobs").ARN),
		Attributes: map[string]string{"RawMessageDelivery": "true"},
	})
	_, _ = topics.Publish(ctx, &sns.PublishInput{TopicArn: topic.TopicArn, Message: aws.String("hello")})

	received, _ := queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl})
	fmt.Println(*received.Messages[0].Body)
	// Output: hello
}

// A function stands for one of Lambda: a topic hands it the JSON of its events.
func ExampleServer_Register() {
	server := sqstest.NewServer()
	ctx, topics := context.Background(), server.SNSClient()
	arn := server.Register("greet", func(_ context.Context, event []byte) error {
		fmt.Println(len(event) > 0)
		return nil
	})
	topic, _ := topics.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String("jobs")})
	_, _ = topics.Subscribe(ctx, &sns.SubscribeInput{TopicArn: topic.TopicArn, Protocol: aws.String("lambda"), Endpoint: &arn})
	_, _ = topics.Publish(ctx, &sns.PublishInput{TopicArn: topic.TopicArn, Message: aws.String("hello")})
	server.Close() // waits for the function
	// Output: true
}
