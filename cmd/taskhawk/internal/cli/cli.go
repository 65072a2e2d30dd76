package cli

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/willabides/kongplete"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/contracts"
	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/infra"
	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/letters"
	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/queues"
	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/send"
	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/serve"
)

const name = "taskhawk"

// grammar is the command line.
type grammar struct {
	program.Flags

	Queues     queues.Queues     `cmd:"" help:"List queues and dead letters: how many messages, how old, and what the check finds."`
	Send       send.Send         `cmd:"" help:"Dispatch a task by its name."`
	DLQ        letters.DLQ       `cmd:"" help:"Look at dead letters, move them back, delete, save and load them." name:"dlq"`
	Check      queues.Check      `cmd:"" help:"Compare the settings of the queues with what workers need."`
	Policy     queues.Policy     `cmd:"" help:"Write the IAM policy of a role."`
	Provision  queues.Provision  `cmd:"" help:"Create the queues that are missing."`
	Peek       letters.Peek      `cmd:"" help:"Look at messages that wait on a queue."`
	Purge      queues.Purge      `cmd:"" help:"Delete all messages of a queue."`
	Serve      serve.Serve       `cmd:"" help:"Serve SQS, SNS and EventBridge Scheduler on this machine, for development."`
	Terraform  infra.Command     `cmd:"" help:"Write Terraform or CloudFormation for queues, topics, permissions, schedules and alarms."`
	Contract   contracts.Command `cmd:"" help:"Show, compare and check contracts of tasks; write Python stubs and Go structs."`
	Completion completion        `cmd:"" help:"Print the shell code that completes commands and flags."`
	Version    version           `cmd:"" help:"Print the version."`
}

const description = `The operator's program of Taskhawk, for programs in Go and Python alike.

Profile, region and endpoint are those of the AWS tools: AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL_SQS, or flags.
Exit codes: 0 for success; 1 if something failed or a check found an error; 2 for wrong usage, or if AWS could not
be asked.`

// readFlags has the common flags that a command reads, for commands that do not read all.
var readFlags = map[string][]string{
	"completion":           {},
	"contract":             {"json"},
	"contract check":       {"json"},
	"contract from-python": {"json"},
	"contract go":          {},
	"contract python":      {},
	"contract show":        {"json"},
	"contract validate":    {},
	"serve":                {"app", "fifo", "json"},
	"terraform":            {"region", "account"},
	"version":              {"json"},
}

// help prints the help of a command, without the flags that it does not read.
func help(options kong.HelpOptions, ctx *kong.Context) error {
	command := ""
	for node := ctx.Selected(); node != nil && node.Type == kong.CommandNode; node = node.Parent {
		command = strings.TrimSpace(node.Name + " " + command)
	}
	if read, some := readFlags[command]; some {
		for _, flag := range ctx.Model.Flags {
			flag.Hidden = flag.Hidden || flag.Name != "help" && !slices.Contains(read, flag.Name)
		}
	}
	return kong.DefaultHelpPrinter(options, ctx)
}

// Run runs a command and returns its exit code.
func Run(ctx context.Context, args []string, streams program.Streams) int {
	p := &program.Program{Streams: streams}
	var g grammar
	helped := false
	parser, err := kong.New(&g,
		kong.Name(name),
		kong.Description(description),
		kong.Writers(streams.Out, streams.Err),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 120}),
		kong.Help(help),
		kong.Exit(func(int) { helped = true }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(p),
	)
	if err != nil {
		p.Sayf("%s", err)
		return program.ExitFailed
	}
	kongplete.Complete(parser, kongplete.WithPredictors(predictors()))
	if helped {
		return program.ExitOK
	}
	if len(args) == 0 {
		args = []string{"--help"} // as the programs of the field do
	}
	parsed, err := parser.Parse(args)
	switch {
	case helped:
		return program.ExitOK
	case err != nil:
		p.Sayf("%s\nFor help: %s", program.Line(err.Error()), helpFor(err))
		return program.ExitUsage
	}
	p.Flags, p.Name = g.Flags, parsed.Command()
	return finish(ctx, p, parsed.Run())
}

// finish prints an error with advice, and returns the exit code.
func finish(ctx context.Context, p *program.Program, err error) int {
	if err == nil {
		return program.ExitOK
	}
	if text := err.Error(); text != "" {
		p.Sayf("%s", program.Line(p.Words(text)))
		if advice := p.Advice(err); advice != "" && ctx.Err() == nil {
			p.Sayf("%s", advice)
		}
	}
	return program.Code(err)
}

// helpFor returns the command line that prints help for the command with the error.
func helpFor(err error) string {
	if parse, ok := errors.AsType[*kong.ParseError](err); ok && parse.Context.Selected() != nil {
		return parse.Context.Selected().FullPath() + " --help"
	}
	return name + " --help"
}

// version is the command `taskhawk version`.
type version struct{}

// Run prints the version from the build information.
func (version) Run(p *program.Program) error {
	v := struct {
		Version  string `json:"version"`
		Revision string `json:"revision,omitempty"`
		Go       string `json:"go"`
	}{Version: "unknown"}
	if info, ok := debug.ReadBuildInfo(); ok {
		v.Version, v.Go = info.Main.Version, info.GoVersion
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v.Revision = s.Value
			}
		}
	}
	if p.JSON {
		return p.Document(v)
	}
	text := fmt.Sprintf("%s %s %s", name, v.Version, v.Go)
	if v.Revision != "" {
		text += " " + v.Revision
	}
	p.Printf("%s\n", text)
	return nil
}
