package readme_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/internal/iamtest"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

const app = "dev-myapp"

type noArgs struct{}

// A stage is an application on an embedded server, and the client of the role under test,
// which its policy limits.
type stage struct {
	*testing.T
	admin *sqs.Client
	role  *sqs.Client
}

// provision makes the queues with all rights.
func (s stage) provision() {
	require.NoError(s, sqsx.Provision(s.Context(), s.admin, app, sqsx.ProvisionConfig{}))
}

// hub is a hub of a task that publishes through the client.
func (s stage) hub(client *sqs.Client, handle func(context.Context, noArgs) error) (*taskhawk.Hub, *taskhawk.Task[noArgs]) {
	publisher, err := sqsx.NewPublisher(client, app, sqsx.PublisherConfig{})
	require.NoError(s, err)
	task := taskhawk.New("tasks.role", handle)
	hub, err := taskhawk.NewHub(taskhawk.Config{
		Publisher: publisher, Tasks: []taskhawk.AnyTask{task}, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(s, err)
	return hub, task
}

// publish is what a publisher does.
func (s stage) publish() {
	s.provision()
	_, task := s.hub(s.role, nil)
	for _, priority := range taskhawk.Priorities() {
		_, err := task.Dispatch(s.Context(), noArgs{}, taskhawk.WithPriority(priority))
		require.NoError(s, err)
	}
	_, err := task.DispatchAll(s.Context(), make([]noArgs, 3))
	require.NoError(s, err)
}

// work is what a worker does: a task that fails, is retried, and then fails for good, and
// one that succeeds at once.
func (s stage) work() {
	s.provision()
	hub, task := s.hub(s.admin, func(ctx context.Context, _ noArgs) error {
		switch meta := taskhawk.MetadataFrom(ctx); {
		case meta.Priority == taskhawk.High:
			return nil
		case meta.Attempt == 1:
			return taskhawk.RetryAfter(time.Second, errors.New("not yet"))
		default:
			return taskhawk.Permanent(errors.New("never"))
		}
	})
	for _, priority := range []taskhawk.Priority{taskhawk.High, taskhawk.Bulk} {
		_, err := task.Dispatch(s.Context(), noArgs{}, taskhawk.WithPriority(priority))
		require.NoError(s, err)
	}
	worker, err := sqsx.NewWorker(s.role, app, hub, sqsx.WorkerConfig{})
	require.NoError(s, err)
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	require.NoError(s, worker.Run(ctx))
}

// provisionAsRole makes queues with tags, one of which was there without a redrive
// policy.
func (s stage) provisionAsRole() {
	name := sqsx.QueueName(app, taskhawk.Low)
	_, err := s.admin.CreateQueue(s.Context(), &sqs.CreateQueueInput{QueueName: &name})
	require.NoError(s, err)
	config := sqsx.ProvisionConfig{Tags: map[string]string{"service": "myapp"}}
	require.NoError(s, sqsx.Provision(s.Context(), s.role, app, config))
}

// policies returns the JSON policies of a document, by the Sid of their first statement.
func policies(t *testing.T, d document) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, b := range d.blocks("json") {
		var policy struct{ Statement []struct{ Sid string } }
		require.NoError(t, json.Unmarshal([]byte(b.text), &policy))
		if len(policy.Statement) > 0 {
			found[policy.Statement[0].Sid] = b.text
		}
	}
	return found
}

// perform runs a role in a bubble, limited by a policy.
func perform(t *testing.T, policy string, role func(stage)) (g *iamtest.Guard) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.NewUnstartedServer()
		defer server.Close()
		var err error
		g, err = iamtest.New(server.HTTPClient().Transport, "111122223333", policy)
		require.NoError(t, err)
		limited := server.Client(func(o *sqs.Options) { o.HTTPClient = &http.Client{Transport: g} })
		role(stage{T: t, admin: server.Client(), role: limited})
	})
	return g
}

func TestPoliciesAllowJustWhatRolesNeed(t *testing.T) {
	t.Parallel()
	documented := policies(t, readDocument(t, repository, "docs/operations.md"))
	roles := map[string]func(stage){
		"TaskhawkPublisher": stage.publish, "TaskhawkWorker": stage.work,
		"TaskhawkProvision": stage.provisionAsRole,
	}
	require.Len(t, documented, len(roles))
	for sid, role := range roles {
		g := perform(t, documented[sid], role)
		require.Empty(t, g.Denied(), sid)
		require.Empty(t, g.Unused(), sid)
	}
}

func TestPolicyThatLacksAnActionIsFound(t *testing.T) {
	t.Parallel()
	const policy = `{"Version":"2012-10-17","Statement":[{"Sid":"Wrong","Effect":"Allow",
		"Action":["sqs:GetQueueUrl","sqs:PurgeQueue"],"Resource":["arn:aws:sqs:us-east-1:111122223333:*"]}]}`
	g := perform(t, policy, func(s stage) {
		s.provision()
		_, task := s.hub(s.role, nil)
		_, err := task.Dispatch(s.Context(), noArgs{})
		require.ErrorContains(s, err, "not authorized")
	})
	require.Equal(t, []string{"sqs:SendMessage arn:aws:sqs:us-east-1:111122223333:TASKHAWK-DEV-MYAPP"}, g.Denied())
	require.Equal(t, []string{"Wrong sqs:PurgeQueue"}, g.Unused())
}
