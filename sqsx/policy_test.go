package sqsx_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// account is where the embedded server is.
func account(roles ...sqsx.Role) sqsx.PolicyConfig {
	return sqsx.PolicyConfig{Roles: roles, Region: "us-east-1", Account: "000000000000"}
}

// roleWork does all that a role does: with limited, a client that its policy limits.
func roleWork(role sqsx.Role) func(r *rig, limited *sqs.Client) {
	switch role {
	case sqsx.RolePublisher:
		return publishEverywhere
	case sqsx.RoleWorker:
		return workOnAll
	case sqsx.RoleFunction:
		return settleFunction
	case sqsx.RoleRedrive:
		return redriveBothWays
	case sqsx.RoleProvision:
		return provisionAgain
	default:
		return func(r *rig, limited *sqs.Client) {
			report, err := sqsx.Check(r.Context(), limited, app, sqsx.CheckConfig{})
			require.NoError(r, err)
			require.True(r, report.OK(), "%s", report)
		}
	}
}

func publishEverywhere(r *rig, limited *sqs.Client) {
	publisher, err := sqsx.NewPublisher(limited, app, sqsx.PublisherConfig{})
	require.NoError(r, err)
	for _, priority := range taskhawk.Priorities() {
		require.NoError(r, publisher.Publish(r.Context(), &taskhawk.Outgoing{Task: "tests.a", Body: "{}", Priority: priority}))
	}
}

// workOnAll has a task that is long, one that fails once, and one that fails for good, on each queue.
func workOnAll(r *rig, limited *sqs.Client) {
	tasks := taskhawk.New("tests.role", func(ctx context.Context, args numberArgs) error {
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
		Publisher: r.publisher(), Tasks: []taskhawk.AnyTask{tasks}, Logger: r.hub.Logger(),
	})
	require.NoError(r, err)
	for n := range 3 {
		for _, priority := range taskhawk.Priorities() {
			_, err := tasks.Dispatch(r.Context(), numberArgs{N: n}, taskhawk.WithPriority(priority))
			require.NoError(r, err)
		}
	}
	worker, err := sqsx.NewWorker(limited, app, hub, sqsx.WorkerConfig{Concurrency: 20})
	require.NoError(r, err)
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Minute)
	defer cancel()
	require.NoError(r, worker.Run(ctx))
	r.requireEmpty()
}

// redriveBothWays has SQS move what is there, stops it, and copies the rest.
func redriveBothWays(r *rig, limited *sqs.Client) {
	for range 20 {
		for _, priority := range taskhawk.Priorities() {
			url := r.server.Queue(letters(priority)).URL
			body := "{}"
			_, err := r.client.SendMessage(r.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body})
			require.NoError(r, err)
		}
	}
	for _, priority := range taskhawk.Priorities() {
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		one := []taskhawk.Priority{priority}
		report, err := sqsx.Redrive(ctx, limited, app, sqsx.RedriveConfig{Priorities: one, Rate: 1})
		require.ErrorIs(r, err, context.DeadlineExceeded)
		require.NoError(r, report.Queues[0].Fallback)
		cancel()
		_, err = sqsx.Redrive(r.Context(), limited, app, sqsx.RedriveConfig{
			Priorities: one, Limit: 3, Reason: func(string) bool { return true },
		})
		require.NoError(r, err)
	}
}

// provisionAgain finds a queue without a redrive policy, and one pair missing.
func provisionAgain(r *rig, limited *sqs.Client) {
	for _, name := range []string{*name(taskhawk.Bulk), letters(taskhawk.Bulk)} {
		url := r.server.Queue(name).URL
		_, err := r.client.DeleteQueue(r.Context(), &sqs.DeleteQueueInput{QueueUrl: &url})
		require.NoError(r, err)
	}
	url := r.server.Queue(*name(taskhawk.Low)).URL
	_, err := r.client.SetQueueAttributes(r.Context(), &sqs.SetQueueAttributesInput{
		QueueUrl: &url, Attributes: map[string]string{"RedrivePolicy": ""},
	})
	require.NoError(r, err)
	time.Sleep(time.Minute) // SQS keeps the name of a deleted queue
	require.NoError(r, sqsx.Provision(r.Context(), limited, app, sqsx.ProvisionConfig{Tags: map[string]string{"team": "a"}}))
}

// publisher is one that may do anything.
func (r *rig) publisher() *sqsx.Publisher {
	r.Helper()
	publisher, err := sqsx.NewPublisher(r.client, app, sqsx.PublisherConfig{})
	require.NoError(r, err)
	return publisher
}

func TestPolicyAllowsJustWhatARoleCalls(t *testing.T) {
	t.Parallel()
	for _, role := range sqsx.Roles() {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, succeed)
			policy, err := sqsx.Policy(app, account(role))
			require.NoError(t, err)
			g := newGuard(t, r.server, policy)
			roleWork(role)(r, r.server.Client(func(o *sqs.Options) { o.HTTPClient = &http.Client{Transport: g} }))
			require.Empty(t, g.denied, "calls that the policy of the %s lacks", role)
			require.Empty(t, g.unused(), "permissions that the %s does not need", role)
		})
	}
}

// The guard of these tests would find a permission that lacks, and one that is not needed.
func TestPolicyOfAnotherRoleIsNoUse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, succeed)
		policy, err := sqsx.Policy(app, account(sqsx.RoleCheck))
		require.NoError(t, err)
		g := newGuard(t, r.server, policy)
		limited := r.server.Client(func(o *sqs.Options) { o.HTTPClient = &http.Client{Transport: g} })
		publisher, err := sqsx.NewPublisher(limited, app, sqsx.PublisherConfig{})
		require.NoError(t, err)
		err = publisher.Publish(t.Context(), &taskhawk.Outgoing{Task: "tests.a", Body: "{}"})
		require.ErrorContains(t, err, "not authorized")
		require.Equal(t, []string{"{sqs:SendMessage " + arnPrefix + "TASKHAWK-DEV-MYAPP}"}, g.denied)
		require.Contains(t, g.unused(), "TaskhawkCheckQueues sqs:GetQueueAttributes")
		require.Zero(t, r.server.Requests(sqstest.OpSendMessageBatch))
	})
}

func TestPolicyNamesQueuesAndKey(t *testing.T) {
	t.Parallel()
	const key = "arn:aws-cn:kms:cn-north-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	policy, err := sqsx.Policy(app, sqsx.PolicyConfig{
		Roles: []sqsx.Role{sqsx.RoleWorker, sqsx.RolePublisher}, Region: "cn-north-1", Account: "111122223333", KeyARN: key,
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

func TestPolicyPartitionOfTheRegion(t *testing.T) {
	t.Parallel()
	for region, partition := range map[string]string{"eu-west-1": "aws", "us-gov-west-1": "aws-us-gov", "cn-northwest-1": "aws-cn"} {
		policy, err := sqsx.Policy(app, sqsx.PolicyConfig{Roles: sqsx.Roles(), Region: region, Account: "111122223333"})
		require.NoError(t, err)
		require.Contains(t, policy, `"arn:`+partition+`:sqs:`+region+`:111122223333:TASKHAWK-DEV-MYAPP"`)
	}
	policy, err := sqsx.Policy(app, sqsx.PolicyConfig{Roles: sqsx.Roles(), Region: "us-iso-east-1", Account: "111122223333", Partition: "aws-iso"})
	require.NoError(t, err)
	require.Contains(t, policy, `"arn:aws-iso:sqs:us-iso-east-1:`)
}

func TestPolicyRefusesBadConfiguration(t *testing.T) {
	t.Parallel()
	change := func(f func(*sqsx.PolicyConfig)) sqsx.PolicyConfig {
		config := account(sqsx.RoleWorker)
		f(&config)
		return config
	}
	for want, config := range map[string]sqsx.PolicyConfig{
		"no Roles":             account(),
		`unknown role "admin"`: account("admin"),
		`account "*"`:          change(func(c *sqsx.PolicyConfig) { c.Account = "*" }),
		`region ""`:            change(func(c *sqsx.PolicyConfig) { c.Region = "" }),
		`region "*"`:           change(func(c *sqsx.PolicyConfig) { c.Region = "*" }),
		`partition "gcp"`:      change(func(c *sqsx.PolicyConfig) { c.Partition = "gcp" }),
		"policies take no alias": change(func(c *sqsx.PolicyConfig) {
			c.KeyARN = "arn:aws:kms:us-east-1:111122223333:alias/queues"
		}),
		"unknown priority": change(func(c *sqsx.PolicyConfig) { c.Priorities = []taskhawk.Priority{9} }),
	} {
		_, err := sqsx.Policy(app, config)
		require.ErrorContains(t, err, want)
	}
	_, err := sqsx.Policy(app, change(func(c *sqsx.PolicyConfig) { c.Priorities = []taskhawk.Priority{9} }))
	require.ErrorIs(t, err, taskhawk.ErrUnknownPriority)
}
