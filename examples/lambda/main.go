// Command lambda shows tasks on AWS Lambda in a few seconds and without an account: it
// builds the functions of this example, runs them below its own Lambda runtime, and
// feeds them from the embedded SNS and SQS.
//
//	go run ./examples/lambda
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

// limit is how long the whole demo may take, compiling aside.
const limit = time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "lambda:", err)
		os.Exit(1) //nolint:gocritic // the context ends with the process
	}
}

// run shows each step in turn, and fails if one does not happen.
func run(ctx context.Context, out io.Writer) error {
	folder, err := os.MkdirTemp("", "taskhawk-lambda")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	d := newDemo(folder, out)
	defer d.close()
	if err := d.build(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for _, step := range []func(context.Context) error{d.start, d.order, d.batches, d.deadLetter, d.stop} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}
