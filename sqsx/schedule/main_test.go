package schedule_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/schedule"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	app       = "dev-myapp"
	account   = "000000000000"
	role      = "arn:aws:iam::000000000000:role/schedules"
	queueName = "TASKHAWK-DEV-MYAPP"
)

// emailArgs are those of the task of the recorded Python messages.
type emailArgs struct {
	To        string `validate:"required"`
	Subject   string
	FromEmail *string `taskhawk:"from_email,kw,optional"`
}

// run is one run of the task.
type run struct {
	metadata taskhawk.Metadata
	args     emailArgs
	at       time.Time // when the message was sent
}

// fixture is a program with its queues on an embedded server.
type fixture struct {
	*testing.T
	server    *sqstest.Server
	client    *scheduler.Client
	scheduler *schedule.Scheduler
	email     *taskhawk.Task[emailArgs]
	hub       *taskhawk.Hub
	runs      chan run
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{T: t, server: sqstest.NewUnstartedServer(), runs: make(chan run, 1000)}
	t.Cleanup(f.server.Close)
	f.client = newClient(f.server)
	f.scheduler = f.with(func(*schedule.Config) {})
	f.email = taskhawk.New("tasks.send_email", func(ctx context.Context, args emailArgs) error {
		metadata := taskhawk.MetadataFrom(ctx)
		f.runs <- run{metadata, args, taskhawk.DeliveryFrom(ctx).Sent}
		return nil
	})
	var err error
	f.hub, err = taskhawk.NewHub(taskhawk.Config{Tasks: []taskhawk.AnyTask{f.email}})
	require.NoError(t, err)
	err = sqsx.Provision(t.Context(), f.server.Client(), app, sqsx.ProvisionConfig{})
	require.NoError(t, err)
	return f
}

// newClient is a client of the SDK that calls the embedded server.
func newClient(server *sqstest.Server) *scheduler.Client {
	return scheduler.New(scheduler.Options{
		BaseEndpoint: aws.String(server.URL),
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
		HTTPClient:   server.HTTPClient(),
	})
}

// with is a scheduler with other settings.
func (f *fixture) with(change func(*schedule.Config)) *schedule.Scheduler {
	f.Helper()
	config := schedule.Config{App: app, Region: "us-east-1", Account: account, RoleARN: role, Endpoint: f.server.URL}
	change(&config)
	s, err := schedule.New(f.client, config)
	require.NoError(f, err)
	return s
}

// work runs a worker until the test ends.
func (f *fixture) work() {
	f.Helper()
	worker, err := sqsx.NewWorker(f.server.Client(), app, f.hub, sqsx.WorkerConfig{})
	require.NoError(f, err)
	ctx, cancel := context.WithCancel(f.Context())
	done := make(chan error)
	go func() { done <- worker.Run(ctx) }()
	f.Cleanup(func() {
		cancel()
		require.NoError(f, <-done)
	})
}

// handle gives the messages on the default queue to the hub, with the time at which they
// came there.
func (f *fixture) handle() {
	f.Helper()
	for _, m := range f.server.Queue(queueName).Messages {
		require.NoError(f, f.hub.Handle(f.Context(), &taskhawk.Delivery{Body: m.Body, Sent: m.SentAt}))
	}
}

// bodies are those of the messages on the default queue.
func (f *fixture) bodies() []string {
	var bodies []string
	for _, m := range f.server.Queue(queueName).Messages {
		bodies = append(bodies, m.Body)
	}
	return bodies
}
