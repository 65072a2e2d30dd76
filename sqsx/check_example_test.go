package sqsx_test

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// A queue that somebody made by hand, and one that is missing.
func ExampleCheck() {
	server := sqstest.NewServer() // on AWS: sqs.NewFromConfig(cfg) is the client
	defer server.Close()
	client, ctx := server.Client(), context.Background()
	_, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{
		QueueName: aws.String("TASKHAWK-DEV-MYAPP"), Attributes: map[string]string{"VisibilityTimeout": "300"},
	})
	if err != nil {
		panic(err)
	}

	report, err := sqsx.Check(ctx, client, "dev-myapp", sqsx.CheckConfig{
		Worker:      sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Default}},
		LongestTask: 10 * time.Minute,
	})
	if err != nil {
		panic(err)
	}
	fmt.Print(report)
	fmt.Println("fit to go live:", report.OK())
	// Output:
	// error redrive-policy: TASKHAWK-DEV-MYAPP has no redrive policy: a task that always fails runs again and again until SQS drops it, and is lost; give it one to TASKHAWK-DEV-MYAPP-DLQ, for example with sqsx.Provision
	// error queue-missing: TASKHAWK-DEV-MYAPP-DLQ does not exist in this account and region, or the caller lacks sqs:GetQueueUrl on it; create it, for example with sqsx.Provision
	// info visibility: TASKHAWK-DEV-MYAPP has a visibility timeout of 5m0s: it is for other programs, workers ask for 30s and extend it
	// info short-poll: TASKHAWK-DEV-MYAPP has a ReceiveMessageWaitTimeSeconds of 0: receives of other programs do not wait
	// errors: 2, warnings: 0, infos: 2
	// fit to go live: false
}

// The permissions of a program that only dispatches, with urgent tasks only.
func ExamplePolicy() {
	policy, err := sqsx.Policy("dev-myapp", sqsx.PolicyConfig{
		Roles: []sqsx.Role{sqsx.RolePublisher}, Region: "eu-west-1", Account: "111122223333",
		Priorities: []taskhawk.Priority{taskhawk.High},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(policy)
	// Output:
	// {
	//   "Version": "2012-10-17",
	//   "Statement": [
	//     {
	//       "Sid": "TaskhawkPublisherQueues",
	//       "Effect": "Allow",
	//       "Action": [
	//         "sqs:GetQueueUrl",
	//         "sqs:SendMessage"
	//       ],
	//       "Resource": [
	//         "arn:aws:sqs:eu-west-1:111122223333:TASKHAWK-DEV-MYAPP-HIGH-PRIORITY"
	//       ]
	//     }
	//   ]
	// }
}

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
