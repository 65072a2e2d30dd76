package lambdax_test

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Tasks are published on topics, to which functions or queues are subscribed.
func ExampleNewPublisher() {
	server := sqstest.NewServer() // stands for SNS
	defer server.Close()
	ctx, client := context.Background(), server.SNSClient() // in a program: sns.NewFromConfig(cfg)
	_, _ = client.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String("taskhawk-dev-myapp-high-priority")})

	publisher, err := lambdax.NewPublisher(client, "dev-myapp", lambdax.PublisherConfig{
		Account: "000000000000", // without it, the topics are looked up
	})
	if err != nil {
		panic(err)
	}
	type SendEmailArgs struct{ To, Subject string }
	sendEmail := taskhawk.New[SendEmailArgs]("tasks.send_email", nil)
	if _, err := taskhawk.NewHub(taskhawk.Config{Publisher: publisher, Tasks: []taskhawk.AnyTask{sendEmail}}); err != nil {
		panic(err)
	}
	_, err = sendEmail.Dispatch(ctx, SendEmailArgs{To: "a@example.com", Subject: "hi"}, taskhawk.WithPriority(taskhawk.High))
	fmt.Println(err, publisher.Stats().Sends.Calls)
	// Output: <nil> 1
}
