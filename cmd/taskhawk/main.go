// Command taskhawk is the operator's program of Taskhawk: a look at queues and dead
// letters, redrive, dispatch by name, checks, permissions, and an SQS for development.
// docs/program.md describes it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/cli"
	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
)

func main() {
	os.Exit(run()) //nolint:forbidigo // this is main
}

func run() int {
	root := context.Background() //nolint:forbidigo // this is main
	ctx, stop := signal.NotifyContext(root, os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)
	errTerminal := term.IsTerminal(int(os.Stderr.Fd()))
	return cli.Run(ctx, os.Args[1:], program.Streams{
		In:          os.Stdin,
		Out:         os.Stdout,
		Err:         os.Stderr,
		Interactive: errTerminal && term.IsTerminal(int(os.Stdin.Fd())),
		ErrTerminal: errTerminal,
		OutTerminal: term.IsTerminal(int(os.Stdout.Fd())),
	})
}
