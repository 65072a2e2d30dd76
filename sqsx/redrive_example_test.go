package sqsx_test

import (
	"context"
	"fmt"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// First look, then move one: a letter of one task that failed for one reason.
func ExampleRedrive_filter() {
	server := sqstest.NewServer()
	defer server.Close()
	client, ctx := server.Client(), context.Background()
	if err := sqsx.Provision(ctx, client, "dev-myapp", sqsx.ProvisionConfig{}); err != nil {
		panic(err)
	}
	for id, letter := range []struct{ task, reason string }{
		{"tasks.charge_card", "the card service is down"}, {"tasks.charge_card", "the card has expired"}, {"tasks.greet", "nobody is at home"},
	} {
		bury(server, client, id, letter.task, letter.reason)
	}

	config := sqsx.RedriveConfig{
		Priorities: []taskhawk.Priority{taskhawk.Default},
		Tasks:      []string{"tasks.charge_card"},
		Reason:     regexp.MustCompile("service is down|timeout").MatchString,
		Limit:      1,
		DryRun:     true,
	}
	report, err := sqsx.Redrive(ctx, client, "dev-myapp", config)
	if err != nil {
		panic(err)
	}
	fmt.Print(report)

	config.DryRun, config.Rate = false, 50
	if report, err = sqsx.Redrive(ctx, client, "dev-myapp", config); err != nil {
		panic(err)
	}
	fmt.Print(report)
	// Output:
	// TASKHAWK-DEV-MYAPP: 1 would move, 2 skipped (copy)
	//   tasks.charge_card: 1 would move, 1 skipped
	//   tasks.greet: 1 skipped
	// TASKHAWK-DEV-MYAPP: 1 moved, 2 skipped (copy)
	//   tasks.charge_card: 1 moved, 1 skipped
	//   tasks.greet: 1 skipped
}

// bury puts a dead letter where a worker puts one.
func bury(server *sqstest.Server, client *sqs.Client, id int, task, reason string) {
	body := fmt.Sprintf(
		`{"id":"%d","metadata":{"priority":"default","timestamp":1,"version":"1.0"},"headers":{},"task":%q,"args":[],"kwargs":{}}`, id, task)
	_, err := client.SendMessage(context.Background(), &sqs.SendMessageInput{
		QueueUrl: aws.String(server.Queue("TASKHAWK-DEV-MYAPP-DLQ").URL), MessageBody: &body,
		MessageAttributes: map[string]types.MessageAttributeValue{
			"taskhawk_reason": {DataType: aws.String("String"), StringValue: &reason},
		},
	})
	if err != nil {
		panic(err)
	}
}
