package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/taskhawk/taskhawk-go/examples/lambda/tasks"
	"github.com/taskhawk/taskhawk-go/lambdax/lambdatest"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// demo is AWS in miniature: queues, functions, and what feeds the one from the other.
type demo struct {
	folder  string // of the programs
	server  *sqstest.Server
	client  *sqs.Client
	account *account

	topics *lambdatest.Function // the function behind the topic
	queues *lambdatest.Function // the one behind the queues

	ordered chan struct{} // has room for the invocations of topics that succeed

	mappings sync.WaitGroup
	batched  chan lambdatest.Batch
}

func newDemo(folder string, out io.Writer) *demo {
	server := sqstest.NewServer()
	return &demo{
		folder:  folder,
		server:  server,
		client:  server.Client(),
		account: &account{out: out},
		ordered: make(chan struct{}, 10),
		batched: make(chan lambdatest.Batch, 10),
	}
}

func (d *demo) close() {
	for _, function := range []*lambdatest.Function{d.topics, d.queues} {
		if function != nil {
			function.Close()
		}
	}
	d.server.Close()
}

func (d *demo) program(name string) string { return filepath.Join(d.folder, name) }

// build compiles the functions with the flags of the Makefile, and prints how large they are.
func (d *demo) build(ctx context.Context) error {
	d.account.sayf("== Build")
	for _, name := range []string{"sns", "sqs"} {
		const path = "github.com/taskhawk/taskhawk-go/examples/lambda/"
		if err := lambdatest.Build(
			ctx,
			d.program(name),
			path+name,
			"-tags",
			"lambda.norpc",
			"-trimpath",
			"-ldflags=-s",
		); err != nil {
			return err
		}
		info, err := os.Stat(d.program(name))
		if err != nil {
			return err
		}
		d.account.sayf("function %s: %.1f MB", name, float64(info.Size())/1e6)
	}
	return nil
}

// start makes the queues, the topics and the functions.
func (d *demo) start(ctx context.Context) error {
	d.account.sayf("\n== Start")
	config := sqsx.ProvisionConfig{MaxReceiveCount: 5, VisibilityTimeout: 60 * time.Second}
	if err := sqsx.Provision(ctx, d.client, tasks.App, config); err != nil {
		return err
	}
	var err error
	if d.topics, err = d.launch(ctx, "sns"); err != nil {
		return err
	}
	if d.queues, err = d.launch(ctx, "sqs"); err != nil {
		return err
	}
	return d.subscribe(ctx)
}

// launch starts a function.
func (d *demo) launch(ctx context.Context, name string) (*lambdatest.Function, error) {
	function, err := lambdatest.Start(ctx, lambdatest.Config{
		Program: d.program(name),
		Name:    name,
		Timeout: 10 * time.Second,
		Output:  d.account.from(name),
		Env: map[string]string{
			"AWS_ENDPOINT_URL_SQS":  d.server.URL,
			"AWS_ENDPOINT_URL_SNS":  d.server.URL,
			"ACCOUNT_ID":            accountID,
			"AWS_LAMBDA_LOG_FORMAT": "JSON", // as LogFormat of the template does
		},
	})
	if err != nil {
		return nil, err
	}
	d.account.sayf("function %s is ready after %s", name, function.InitDuration().Round(time.Millisecond))
	return function, nil
}

// batches dispatches tasks and has the queues feed them to the function.
func (d *demo) batches(ctx context.Context) error {
	d.account.sayf("\n== Queues feed a function\n" +
		"beside what the order needs: two more cards, one beyond its limit, " +
		"and a receipt for a mail server that wants to be asked twice")
	if err := d.dispatch(ctx); err != nil {
		return err
	}
	feeding, cancel := context.WithCancel(ctx)
	for _, priority := range []taskhawk.Priority{taskhawk.High, taskhawk.Low} {
		if err := d.feed(feeding, sqsx.QueueName(tasks.App, priority)); err != nil {
			cancel()
			return err
		}
	}
	err := d.drained(ctx)
	cancel()
	d.mappings.Wait()
	return err
}

func (d *demo) dispatch(ctx context.Context) error {
	publisher, err := sqsx.NewPublisher(d.client, tasks.App, sqsx.PublisherConfig{})
	if err != nil {
		return err
	}
	hub, err := taskhawk.NewHub(taskhawk.Config{
		Publisher: publisher,
		Tasks:     []taskhawk.AnyTask{tasks.ChargeCard, tasks.SendReceipt},
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	ctx = taskhawk.ContextWithHub(ctx, hub)
	cards := []tasks.ChargeCardArgs{{OrderID: 2, Cents: 5_000_000}, {OrderID: 3, Cents: 250}}
	if _, err := tasks.ChargeCard.DispatchAll(ctx, cards); err != nil {
		return err
	}
	receipts := []tasks.SendReceiptArgs{{OrderID: 3, Email: "cy@slow.example"}}
	_, err = tasks.SendReceipt.DispatchAll(ctx, receipts)
	return err
}

// feed is an event source mapping, with the settings of template.yaml.
func (d *demo) feed(ctx context.Context, queue string) error {
	source, err := d.server.EventSource(queue, time.Second)
	if err != nil {
		return err
	}
	mapping := lambdatest.Mapping{
		Source: source, Function: d.queues, BatchSize: 10, ReportBatchItemFailures: true,
		Observe: func(b lambdatest.Batch) {
			d.account.sayf("  %s: batch of %d, %d done, response %s", queue, len(b.Messages), len(b.Done), short(b))
			d.batched <- b
		},
	}
	d.mappings.Go(func() {
		if err := mapping.Run(ctx); err != nil {
			d.account.sayf("%v", err)
		}
	})
	return nil
}

// short is a response with its ids cut off.
func short(b lambdatest.Batch) string {
	if b.Result.Error != nil {
		return b.Result.Error.Error()
	}
	return fmt.Sprintf("names %d failed", len(b.Messages)-len(b.Done))
}

// drained waits until the queues are empty.
func (d *demo) drained(ctx context.Context) error {
	for {
		select {
		case <-d.batched:
		case <-ctx.Done():
			return errors.New("the queues were not emptied in time")
		}
		left := 0
		for _, priority := range taskhawk.Priorities() {
			left += len(d.server.Queue(sqsx.QueueName(tasks.App, priority)).Messages)
		}
		if left == 0 {
			return nil
		}
	}
}

// deadLetter looks at the card that could not be charged.
func (d *demo) deadLetter(context.Context) error {
	d.account.sayf("\n== Dead letter")
	name := sqsx.DeadLetterQueueName(sqsx.QueueName(tasks.App, taskhawk.High))
	letters := d.server.Queue(name).Messages
	if len(letters) != 1 {
		return fmt.Errorf("%d dead letters on %s", len(letters), name)
	}
	d.account.sayf(
		"on %s: task %s, reason %q",
		name,
		letters[0].Attributes["taskhawk_task"],
		letters[0].Attributes["taskhawk_reason"],
	)
	return nil
}

// stop ends the functions as Lambda does.
func (d *demo) stop(context.Context) error {
	d.account.sayf("\n== Stop")
	d.topics.Shutdown()
	d.queues.Shutdown()
	d.account.sayf("the functions have ended; nothing is in flight, nothing is lost")
	return nil
}
