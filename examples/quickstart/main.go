// Command quickstart shows what Taskhawk does, in a few seconds and without an AWS
// account: it starts the embedded SQS server, and everything else is the code of a real
// service.
//
//	go run ./examples/quickstart
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// queue is the name of the application on SQS: its queues are TASKHAWK-DEV-MYAPP and so
// on.
const queue = "dev-myapp"

// limit is how long the whole demo may take.
const limit = time.Minute

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1) //nolint:gocritic // the context ends with the process
	}
}

// run shows each step in turn, and fails if one does not happen.
func run(ctx context.Context, out io.Writer) error {
	server := sqstest.NewServer() // on real AWS: config.LoadDefaultConfig and sqs.NewFromConfig
	defer server.Close()
	client := server.Client()

	d, err := newDemo(ctx, client, out)
	if err != nil {
		return err
	}
	stop, err := d.startWorker(ctx, client)
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{d.dispatch, d.retry, d.deadLetter, d.redrive} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	d.sayf("\n== Stop")
	if err := stop(); err != nil {
		return err
	}
	d.sayf("the worker has stopped; nothing is in flight, nothing is lost")
	return nil
}

func newDemo(ctx context.Context, client *sqs.Client, out io.Writer) (*demo, error) {
	if err := sqsx.Provision(ctx, client, queue, sqsx.ProvisionConfig{MaxReceiveCount: 3}); err != nil {
		return nil, err
	}
	publisher, err := sqsx.NewPublisher(client, queue, sqsx.PublisherConfig{})
	if err != nil {
		return nil, err
	}
	d := &demo{out: out, client: client, ran: make(chan string, 10)}
	d.hub, err = taskhawk.NewHub(taskhawk.Config{
		Publisher: publisher,
		Tasks: []taskhawk.AnyTask{
			SendEmail.WithHandler(
				d.sendEmail,
			),
			ImportFeed.WithHandler(d.importFeed),
			ChargeCard.WithHandler(d.chargeCard),
		},
		Logger: slog.New(slog.DiscardHandler), // the demo tells its own story
	})
	return d, err
}
