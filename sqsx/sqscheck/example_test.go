package sqscheck_test

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqscheck"
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

	report, err := sqscheck.Check(ctx, client, "dev-myapp", sqscheck.Config{
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
	policy, err := sqscheck.Policy("dev-myapp", sqscheck.PolicyConfig{
		Roles: []sqscheck.Role{sqscheck.RolePublisher}, Region: "eu-west-1", Account: "111122223333",
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
