package sqscheck_test

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/internal/iamtest"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqscheck"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// account is where the embedded server is.
func account(roles ...sqscheck.Role) sqscheck.PolicyConfig {
	return sqscheck.PolicyConfig{Roles: roles, Region: "us-east-1", Account: "000000000000"}
}

func newGuard(t *testing.T, server *sqstest.Server, policy string) *iamtest.Guard {
	t.Helper()
	g, err := iamtest.New(server.HTTPClient().Transport, "000000000000", policy)
	require.NoError(t, err)
	return g
}

// roleWork does all that a role does: with limited, a client that its policy limits.
func roleWork(role sqscheck.Role) func(e *env, limited *sqs.Client) {
	switch role {
	case sqscheck.RolePublisher:
		return publishEverywhere
	case sqscheck.RoleWorker:
		return workOnAll
	case sqscheck.RoleFunction:
		return settleFunction
	case sqscheck.RoleRedrive:
		return redriveBothWays
	case sqscheck.RoleProvision:
		return provisionAgain
	case sqscheck.RoleSchedule:
		return fireEverywhere
	default:
		return func(e *env, limited *sqs.Client) {
			report, err := sqscheck.Check(e.Context(), limited, app, sqscheck.Config{})
			require.NoError(e, err)
			require.True(e, report.OK(), "%s", report)
		}
	}
}

func publishEverywhere(e *env, limited *sqs.Client) {
	publisher, err := sqsx.NewPublisher(limited, app, sqsx.PublisherConfig{})
	require.NoError(e, err)
	for _, priority := range taskhawk.Priorities() {
		require.NoError(e, publisher.Publish(e.Context(), &taskhawk.Outgoing{Task: "tests.a", Body: "{}", Priority: priority}))
	}
}

// fireEverywhere sends as EventBridge Scheduler does, message by message, to the queues
// by URL.
func fireEverywhere(e *env, limited *sqs.Client) {
	for _, priority := range taskhawk.Priorities() {
		_, err := limited.SendMessage(e.Context(), &sqs.SendMessageInput{
			QueueUrl: e.url(queueOf(priority)), MessageBody: aws.String("{}"),
		})
		require.NoError(e, err)
	}
}

// workOnAll has a task that is long, one that fails once, and one that fails for good, on
// each queue.
func workOnAll(e *env, limited *sqs.Client) {
	tasks := taskhawk.New("tests.role", func(ctx context.Context, args struct{ N int }) error {
		switch meta := taskhawk.MetadataFrom(ctx); {
		case args.N == 0:
			time.Sleep(time.Minute)
			return nil
		case args.N == 1 && meta.Attempt == 1:
			return taskhawk.RetryAfter(time.Second, errTest)
		case args.N == 2:
			return taskhawk.Permanent(errTest)
		}
		return nil
	})
	hub, err := taskhawk.NewHub(taskhawk.Config{
		Publisher: e.publisher(), Tasks: []taskhawk.AnyTask{tasks}, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(e, err)
	for n := range 3 {
		for _, priority := range taskhawk.Priorities() {
			_, err := tasks.Dispatch(e.Context(), struct{ N int }{N: n}, taskhawk.WithPriority(priority))
			require.NoError(e, err)
		}
	}
	worker, err := sqsx.NewWorker(limited, app, hub, sqsx.WorkerConfig{Concurrency: 20})
	require.NoError(e, err)
	ctx, cancel := context.WithTimeout(e.Context(), 2*time.Minute)
	defer cancel()
	require.NoError(e, worker.Run(ctx))
	for _, priority := range taskhawk.Priorities() {
		require.Empty(e, e.server.Queue(queueOf(priority)).Messages)
	}
}

// redriveBothWays has SQS move what is there, stops it, and copies the rest.
func redriveBothWays(e *env, limited *sqs.Client) {
	for range 20 {
		for _, priority := range taskhawk.Priorities() {
			e.send(deadLettersOf(priority), 1)
		}
	}
	for _, priority := range taskhawk.Priorities() {
		ctx, cancel := context.WithTimeout(e.Context(), 5*time.Second)
		one := []taskhawk.Priority{priority}
		report, err := sqsx.Redrive(ctx, limited, app, sqsx.RedriveConfig{Priorities: one, Rate: 1})
		require.ErrorIs(e, err, context.DeadlineExceeded)
		require.NoError(e, report.Queues[0].Fallback)
		cancel()
		_, err = sqsx.Redrive(e.Context(), limited, app, sqsx.RedriveConfig{
			Priorities: one, Limit: 3, Reason: func(string) bool { return true },
		})
		require.NoError(e, err)
	}
}

// provisionAgain finds a queue without a redrive policy, and one pair missing.
func provisionAgain(e *env, limited *sqs.Client) {
	for _, name := range []string{queueOf(taskhawk.Bulk), deadLettersOf(taskhawk.Bulk)} {
		_, err := e.client.DeleteQueue(e.Context(), &sqs.DeleteQueueInput{QueueUrl: e.url(name)})
		require.NoError(e, err)
	}
	e.set(queueOf(taskhawk.Low), "RedrivePolicy", "")
	time.Sleep(time.Minute) // SQS keeps the name of a deleted queue
	require.NoError(e, sqsx.Provision(e.Context(), limited, app, sqsx.ProvisionConfig{Tags: map[string]string{"team": "a"}}))
}

// publisher is one that may do anything.
func (e *env) publisher() *sqsx.Publisher {
	e.Helper()
	publisher, err := sqsx.NewPublisher(e.client, app, sqsx.PublisherConfig{})
	require.NoError(e, err)
	return publisher
}

func TestPolicyAllowsJustWhatARoleCalls(t *testing.T) {
	t.Parallel()
	for _, role := range sqscheck.Roles() {
		inEnv(t, func(e *env) {
			policy, err := sqscheck.Policy(app, account(role))
			require.NoError(e, err)
			g := newGuard(e.T, e.server, policy)
			roleWork(role)(e, e.server.Client(func(o *sqs.Options) { o.HTTPClient = &http.Client{Transport: g} }))
			require.Empty(e, g.Denied(), "calls that the policy of the %s lacks", role)
			require.Empty(e, g.Unused(), "permissions that the %s does not need", role)
		})
	}
}

// The guard of these tests would find a permission that lacks, and one that is not
// needed.
func TestPolicyOfAnotherRoleIsNoUse(t *testing.T) {
	t.Parallel()
	inEnv(t, func(e *env) {
		policy, err := sqscheck.Policy(app, account(sqscheck.RoleCheck))
		require.NoError(e, err)
		g := newGuard(e.T, e.server, policy)
		limited := e.server.Client(func(o *sqs.Options) { o.HTTPClient = &http.Client{Transport: g} })
		publisher, err := sqsx.NewPublisher(limited, app, sqsx.PublisherConfig{})
		require.NoError(e, err)
		err = publisher.Publish(e.Context(), &taskhawk.Outgoing{Task: "tests.a", Body: "{}"})
		require.ErrorContains(e, err, "not authorized")
		require.Equal(e, []string{"sqs:SendMessage " + arnPrefix + "TASKHAWK-DEV-MYAPP"}, g.Denied())
		require.Contains(e, g.Unused(), "TaskhawkCheckQueues sqs:GetQueueAttributes")
		require.Zero(e, e.server.Requests(sqstest.OpSendMessageBatch))
	})
}

func TestPolicyNamesQueuesAndKey(t *testing.T) {
	t.Parallel()
	const key = "arn:aws-cn:kms:cn-north-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	policy, err := sqscheck.Policy(app, sqscheck.PolicyConfig{
		Roles: []sqscheck.Role{sqscheck.RoleWorker, sqscheck.RolePublisher}, Region: "cn-north-1", Account: "111122223333", KeyARN: key,
		Priorities: []taskhawk.Priority{taskhawk.High}, Naming: fifoName,
	})
	require.NoError(t, err)
	require.Contains(t, policy, `"arn:aws-cn:sqs:cn-north-1:111122223333:TASKHAWK-DEV-MYAPP-HIGH-PRIORITY.fifo"`)
	require.Contains(t, policy, `"arn:aws-cn:sqs:cn-north-1:111122223333:TASKHAWK-DEV-MYAPP-HIGH-PRIORITY-DLQ.fifo"`)
	require.NotContains(t, policy, "BULK")
	for _, sid := range []string{
		"TaskhawkPublisherQueues", "TaskhawkPublisherKey", "TaskhawkWorkerQueues", "TaskhawkWorkerDeadLetters", "TaskhawkWorkerKey",
	} {
		require.Contains(t, policy, `"Sid": "`+sid+`"`)
	}
	require.Contains(t, policy, `"`+key+`"`)
	require.NotContains(t, policy, "*")
}

func TestPolicyOfSchedulesNamesTheQueueOfFirings(t *testing.T) {
	t.Parallel()
	const firings = "arn:aws:sqs:us-east-1:000000000000:dev-myapp-schedules-DLQ"
	config := account(sqscheck.RoleSchedule, sqscheck.RoleWorker)
	config.FiringsARN = firings
	policy, err := sqscheck.Policy(app, config)
	require.NoError(t, err)
	g := newGuard(t, sqstest.NewUnstartedServer(), policy)
	var found []iamtest.Statement
	for _, s := range g.Statements() {
		if slices.Contains(s.Resource, firings) {
			found = append(found, s)
		}
	}
	want := iamtest.Statement{Sid: "TaskhawkScheduleFirings", Effect: "Allow", Action: []string{"sqs:SendMessage"}, Resource: []string{firings}}
	require.Equal(t, []iamtest.Statement{want}, found)
}

func TestPolicyPartitionOfTheRegion(t *testing.T) {
	t.Parallel()
	for region, partition := range map[string]string{
		"eu-west-1": "aws", "us-gov-west-1": "aws-us-gov", "cn-northwest-1": "aws-cn", "us-isof-south-1": "aws-iso-f",
	} {
		policy, err := sqscheck.Policy(app, sqscheck.PolicyConfig{Roles: sqscheck.Roles(), Region: region, Account: "111122223333"})
		require.NoError(t, err)
		require.Contains(t, policy, `"arn:`+partition+`:sqs:`+region+`:111122223333:TASKHAWK-DEV-MYAPP"`)
	}
	policy, err := sqscheck.Policy(app, sqscheck.PolicyConfig{Roles: sqscheck.Roles(), Region: "us-east-1", Account: "111122223333", Partition: "aws-other"})
	require.NoError(t, err)
	require.Contains(t, policy, `"arn:aws-other:sqs:us-east-1:`)
}

func TestPolicyRefusesBadConfiguration(t *testing.T) {
	t.Parallel()
	change := func(f func(*sqscheck.PolicyConfig)) sqscheck.PolicyConfig {
		config := account(sqscheck.RoleWorker)
		f(&config)
		return config
	}
	for want, config := range map[string]sqscheck.PolicyConfig{
		"no Roles": account(),
		`unknown role "admin": want one of ["publisher" "worker" `: account("admin"),
		`account "*"`:     change(func(c *sqscheck.PolicyConfig) { c.Account = "*" }),
		`region ""`:       change(func(c *sqscheck.PolicyConfig) { c.Region = "" }),
		`region "*"`:      change(func(c *sqscheck.PolicyConfig) { c.Region = "*" }),
		`partition "gcp"`: change(func(c *sqscheck.PolicyConfig) { c.Partition = "gcp" }),
		"policies take no alias": change(func(c *sqscheck.PolicyConfig) {
			c.KeyARN = "arn:aws:kms:us-east-1:111122223333:alias/queues"
		}),
		"not the ARN of a standard queue": change(func(c *sqscheck.PolicyConfig) {
			c.FiringsARN = "arn:aws:sqs:us-east-1:111122223333:*"
		}),
		"unknown priority": change(func(c *sqscheck.PolicyConfig) { c.Priorities = []taskhawk.Priority{9} }),
	} {
		_, err := sqscheck.Policy(app, config)
		require.ErrorContains(t, err, want)
	}
	_, err := sqscheck.Policy(app, change(func(c *sqscheck.PolicyConfig) { c.Priorities = []taskhawk.Priority{9} }))
	require.ErrorIs(t, err, taskhawk.ErrUnknownPriority)
}

// settleFunction is a mapping that receives, looks at its queue and deletes, and a
// function that settles.
func settleFunction(e *env, limited *sqs.Client) {
	settler, err := sqsx.NewSettler(limited, sqsx.SettlerConfig{})
	require.NoError(e, err)
	for _, priority := range taskhawk.Priorities() {
		queue := queueOf(priority)
		e.send(queue, 3)
		_, err := limited.GetQueueAttributes(e.Context(), &sqs.GetQueueAttributesInput{
			QueueUrl: e.url(queue), AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
		})
		require.NoError(e, err)
		out, err := limited.ReceiveMessage(e.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: e.url(queue), MaxNumberOfMessages: 10, VisibilityTimeout: 60,
		})
		require.NoError(e, err)
		require.Len(e, out.Messages, 3)
		delivery := func(m types.Message) *taskhawk.Delivery {
			return &taskhawk.Delivery{Body: *m.Body, MessageID: *m.MessageId, Receipt: *m.ReceiptHandle, Queue: queue, Attempt: 2}
		}
		require.NoError(e, settler.DeadLetter(e.Context(), delivery(out.Messages[0]), taskhawk.DeadLetter{Task: "t"}))
		require.NoError(e, settler.SetVisibility(e.Context(), delivery(out.Messages[1]), time.Minute))
		_, err = limited.DeleteMessage(e.Context(), &sqs.DeleteMessageInput{
			QueueUrl: e.url(queue), ReceiptHandle: out.Messages[2].ReceiptHandle,
		})
		require.NoError(e, err)
	}
}
