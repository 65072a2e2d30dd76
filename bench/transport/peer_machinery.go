package transport

import (
	"context"

	"github.com/RichardKnop/machinery/v2"
	"github.com/RichardKnop/machinery/v2/backends/null"
	broker "github.com/RichardKnop/machinery/v2/brokers/sqs"
	"github.com/RichardKnop/machinery/v2/config"
	"github.com/RichardKnop/machinery/v2/locks/eager"
	"github.com/RichardKnop/machinery/v2/log"
	"github.com/RichardKnop/machinery/v2/tasks"
	"github.com/aws/aws-sdk-go/aws/credentials"    //nolint:staticcheck // machinery is built on it
	"github.com/aws/aws-sdk-go/aws/defaults"       //nolint:staticcheck // machinery is built on it
	"github.com/aws/aws-sdk-go/aws/session"        //nolint:staticcheck // machinery is built on it
	oldsqs "github.com/aws/aws-sdk-go/service/sqs" //nolint:staticcheck // machinery is built on it

	"github.com/taskhawk/taskhawk-go/bench"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// machineryPublish sends one message a call, from as many goroutines as our publisher has
// calls in flight.
func machineryPublish() contender {
	return contender{
		name:  "machinery",
		title: "machinery v2",
		kind:  bench.Rival,
		start: func(r *env) (func() error, error) {
			server, err := r.machinery()
			if err != nil {
				return nil, err
			}
			return func() error { return r.sendTasks(server) }, nil
		},
	}
}

// machineryWork receives and deletes one message a call.
func machineryWork() contender {
	return contender{
		name:  "machinery",
		title: "machinery v2",
		kind:  bench.Rival,
		start: func(r *env) (func() error, error) {
			server, err := r.machinery()
			if err != nil {
				return nil, err
			}
			if err := r.sendTasks(server); err != nil {
				return nil, err
			}
			worker := server.NewWorker("bench", handlersAtOnce)
			return r.work(func(ctx context.Context) error {
				worker.LaunchAsync(make(chan error, 1))
				<-ctx.Done()
				worker.Quit()
				return nil
			}), nil
		},
	}
}

func (r *env) machinery() (*machinery.Server, error) {
	log.Set(silence{})
	// Not session.NewSession, which reads the environment.
	sess := &session.Session{
		Handlers: defaults.Handlers(),
		Config: defaults.Config().WithEndpoint(r.server.URL).WithRegion("us-east-1").WithHTTPClient(r.httpClient()).
			WithCredentials(credentials.NewStaticCredentials("AKIDSQSTEST", "secret", "")),
	}
	name := sqsx.QueueName(app, taskhawk.Default)
	cnf := &config.Config{
		Broker: (*r.url)[:len(*r.url)-len(name)-1], DefaultQueue: name, NoUnixSignals: true,
		SQS: &config.SQSConfig{Client: oldsqs.New(sess), WaitTimeSeconds: 1},
	}
	server := machinery.NewServer(cnf, broker.New(cnf), null.New(), eager.New())
	return server, server.RegisterTask(taskName, func(int64, string) error { return nil })
}

func (r *env) sendTasks(server *machinery.Server) error {
	all := allArgs(r.tasks)
	return share(inFlight, r.tasks, func(n int) error {
		_, err := server.SendTask(&tasks.Signature{Name: taskName, Args: []tasks.Arg{
			{Name: "n", Type: "int64", Value: int64(all[n].N)}, {Name: "text", Type: "string", Value: all[n].Text},
		}})
		return err
	})
}

// silence is a logger that writes nothing, as all others are set up.
type silence struct{}

func (silence) Print(...any)          {}
func (silence) Printf(string, ...any) {}
func (silence) Println(...any)        {}
func (silence) Fatal(...any)          {}
func (silence) Fatalf(string, ...any) {}
func (silence) Fatalln(...any)        {}
func (silence) Panic(...any)          {}
func (silence) Panicf(string, ...any) {}
func (silence) Panicln(...any)        {}
