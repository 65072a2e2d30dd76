package faults_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// functionVariable names the environment variable that makes the test binary a Lambda function; it holds the JSON of a functionConfig.
const functionVariable = "FAULTS_FUNCTION"

// functionConfig is what a function is told.
type functionConfig struct {
	SNS, Both   bool // what triggers it; queues alone when neither is set
	Partial     bool
	ErrorIfAll  bool
	SkipGroups  bool
	Concurrency int
	Margin      time.Duration
	Visibility  bool // with a settler, for the SQS of AWS_ENDPOINT_URL_SQS
	SIGTERM     bool
}

// orderArgs are the arguments of the task that functions run: an order to its handler.
type orderArgs struct {
	Do     string
	N      int
	Takes  int // ms
	Secret string
}

// functionMain is the main function of a Lambda function, as users write it. It returns with an error only.
func functionMain(text string) error {
	var c functionConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	hub, err := taskhawk.NewHub(taskhawk.Config{
		Tasks:  []taskhawk.AnyTask{taskhawk.New("tests.order", carryOut), taskhawk.New("tests.timed", carryOut, taskhawk.WithTimeout(time.Hour))},
		Logger: slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		return err
	}
	options, err := c.options(context.Background())
	if err != nil {
		return err
	}
	var handler any
	switch {
	case c.Both:
		handler = lambdax.Handler(hub, options...)
	case c.SNS:
		handler = lambdax.SNS(hub)
	default:
		handler = lambdax.SQS(hub, options...)
	}
	if c.SIGTERM {
		lambda.StartWithOptions(handler, lambda.WithEnableSIGTERM(func() {
			fmt.Println("told to end")
			os.Exit(0)
		}))
	}
	lambda.Start(handler)
	return errors.New("lambda.Start has returned")
}

func (c functionConfig) options(ctx context.Context) ([]lambdax.SQSOption, error) {
	var options []lambdax.SQSOption
	add := func(set bool, o lambdax.SQSOption) {
		if set {
			options = append(options, o)
		}
	}
	add(c.Partial, lambdax.WithPartialBatch())
	add(c.ErrorIfAll, lambdax.WithErrorIfAllFailed())
	add(c.SkipGroups, lambdax.WithSkipGroupOnError())
	add(c.Concurrency > 0, lambdax.WithConcurrency(c.Concurrency))
	add(c.Margin > 0, lambdax.WithMargin(c.Margin))
	if c.Visibility {
		cfg, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			return nil, err
		}
		settler, err := sqsx.NewSettler(sqs.NewFromConfig(cfg))
		if err != nil {
			return nil, err
		}
		options = append(options, lambdax.WithVisibility(settler))
	}
	return options, nil
}

// carryOut runs an order, and says so first.
func carryOut(ctx context.Context, order orderArgs) error {
	fmt.Printf("ran %d, attempt %d\n", order.N, taskhawk.MetadataFrom(ctx).Attempt)
	select {
	case <-time.After(time.Duration(order.Takes) * time.Millisecond):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	switch order.Do {
	case "ok":
		return nil
	case "ignore":
		return taskhawk.Ignore(errFault)
	case "panic":
		panic("secret=" + order.Secret)
	case "goexit":
		runtime.Goexit()
	case "permanent":
		return taskhawk.Permanent(errFault)
	case "hang":
		<-make(chan struct{})
	case "exit":
		os.Exit(7)
	case "recover":
		if taskhawk.MetadataFrom(ctx).Attempt > 1 {
			return nil
		}
		return taskhawk.RetryAfter(time.Second, errFault)
	}
	return errFault
}
