package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// demo is the state that the handlers share.
type demo struct {
	client *sqs.Client
	hub    *taskhawk.Hub
	ran    chan string // the name of each task that succeeded

	printing sync.Mutex
	out      io.Writer

	fetches     atomic.Int32
	cardService atomic.Bool // whether the card service is up
}

func (d *demo) sayf(format string, args ...any) {
	d.printing.Lock()
	defer d.printing.Unlock()
	fmt.Fprintf(d.out, format+"\n", args...)
}

// done waits until n tasks have succeeded.
func (d *demo) done(ctx context.Context, n int) error {
	for range n {
		select {
		case <-d.ran:
		case <-ctx.Done():
			return errors.New("a task did not run in time")
		}
	}
	return nil
}

// startWorker runs a worker on all four priorities until stop is called.
func (d *demo) startWorker(ctx context.Context, client *sqs.Client) (stop func() error, err error) {
	worker, err := sqsx.NewWorker(client, queue, d.hub, sqsx.WorkerConfig{WaitTime: time.Second})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	stopped := make(chan error, 1)
	go func() { stopped <- worker.Run(ctx) }()
	return func() error { cancel(); return <-stopped }, nil
}

// dispatch sends the same task in the three ways there are.
func (d *demo) dispatch(ctx context.Context) error {
	d.sayf("== Dispatch\ntasks.send_email, plain, with options, and chained:")
	if _, err := SendEmail.Dispatch(ctx, SendEmailArgs{To: "ann@example.com", Subject: "Hello!"}); err != nil {
		return err
	}
	_, err := SendEmail.Dispatch(ctx, SendEmailArgs{To: "ben@example.com", Subject: "Hello!"},
		taskhawk.WithPriority(taskhawk.High), taskhawk.WithHeaders(taskhawk.Headers{"request_id": "1234"}))
	if err != nil {
		return err
	}
	from := "news@example.com"
	_, err = SendEmail.WithHeaders(taskhawk.Headers{"request_id": "5678"}).WithPriority(taskhawk.Bulk).
		Dispatch(ctx, SendEmailArgs{To: "cy@example.com", Subject: "News", FromEmail: &from})
	if err != nil {
		return err
	}
	if err := d.done(ctx, 3); err != nil {
		return err
	}
	_, err = SendEmail.Dispatch(ctx, SendEmailArgs{To: "nobody"})
	d.sayf("not sent at all: %v", err)
	return nil
}

// retry runs a task that fails the first time.
func (d *demo) retry(ctx context.Context) error {
	d.sayf("\n== Retry")
	if _, err := ImportFeed.Dispatch(ctx, ImportFeedArgs{URL: "https://example.com/feed"}); err != nil {
		return err
	}
	return d.done(ctx, 1)
}

// deadLetter runs a task that cannot succeed.
func (d *demo) deadLetter(ctx context.Context) error {
	d.sayf("\n== Dead letter")
	if _, err := ChargeCard.Dispatch(ctx, ChargeCardArgs{OrderID: 7, Cents: 1999}); err != nil {
		return err
	}
	return d.waitForDeadLetter(ctx)
}

// redrive repairs what was broken and gives the dead letter another chance.
func (d *demo) redrive(ctx context.Context) error {
	d.sayf("\n== Redrive\nthe card service is repaired")
	d.cardService.Store(true)
	report, err := sqsx.Redrive(ctx, d.client, queue, sqsx.RedriveConfig{
		Priorities: []taskhawk.Priority{taskhawk.High}, Limit: 1,
	})
	if err != nil {
		return err
	}
	if err := d.done(ctx, 1); err != nil {
		return err
	}
	d.sayf("  moved back: %d dead letter", report.Total())
	return nil
}
