package letters

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
	"github.com/taskhawk/taskhawk-go/sqsx"
)

// Save is the command `taskhawk dlq save`.
type Save struct {
	Filter

	File     string `arg:""                                      default:"-"    help:"New file. Default: -, the standard output." optional:"" predictor:"file"`
	Limit    int    `help:"Letters at most. Default: all."       placeholder:"N"`
	ShowArgs bool   `help:"Write to a terminal too. The lines contain arguments and header values."`
}

// Help has examples.
func (*Save) Help() string {
	return `The letters stay on their queues. The lines have arguments and headers, so only the owner may
read the file.

Examples:
  taskhawk dlq save letters.jsonl --app dev-myapp
  taskhawk dlq save --app dev-myapp --task tasks.charge_card | gzip >letters.gz`
}

// Run writes the letters.
func (c *Save) Run(ctx context.Context, p *program.Program) error {
	if c.File == "-" && p.OutTerminal && !c.ShowArgs {
		return program.Usagef("lines with arguments and headers: write them to a file, or give --show-args")
	}
	a, err := newAction(ctx, p, c.Filter)
	if err != nil {
		return err
	}
	out := p.Out
	end := func() error { return nil }
	if c.File != "-" {
		file, err := createLetterFile(c.File)
		if err != nil {
			return err
		}
		out, end = file.file, func() error { return errors.Join(file.file.Sync(), file.close()) }
	}
	buffered := bufio.NewWriterSize(out, 1<<16)
	progress := p.NewProgress()
	saved, failed := 0, error(nil)
	for letter, err := range sqsx.DeadLetters(ctx, a.client, a.app, a.look(c.Limit, true)) {
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		if err := writeLetters(buffered, []sqsx.DeadLetter{letter}); err != nil {
			return err
		}
		saved++
		progress.Setf("%d saved", saved)
	}
	progress.Close()
	if err := errors.Join(buffered.Flush(), end()); err != nil {
		return err
	}
	if !p.JSON {
		p.Sayf("%d letters saved", saved)
	}
	return failed
}

// Load is the command `taskhawk dlq load`.
type Load struct {
	Filter
	Acts

	File  string `arg:""                                                                          default:"-" help:"File that dlq save or dlq drop has written. Default: -, the standard input." optional:"" predictor:"file"`
	Again bool   `help:"Send them to the queues that they failed on, to be run again, and not to the dead-letter queues." name:"run"`
	Skip  int    `help:"Letters to skip at the start of the file. A load that stopped prints the number."                    placeholder:"N"`
}

// Help has examples.
func (*Load) Help() string {
	return `Letters go back to their dead-letter queues. Ids of the runs, attributes and groups are kept;
SQS gives new message ids. A letter loaded twice is stored twice: a load that stops prints how to
continue.

Examples:
  taskhawk dlq load old.jsonl --app dev-myapp --dry-run
  taskhawk dlq load old.jsonl --app dev-myapp --run --rate 20 --task tasks.charge_card`
}

type loadReport struct {
	App    string         `json:"app"`
	DryRun bool           `json:"dry_run"`
	Count  loadCount      `json:"count"`
	Loaded map[string]int `json:"loaded"` // by queue
	Read   int            `json:"read"`   // letters of the file that are done with: --skip goes on there
	Failed []int          `json:"failed"` // their positions in the file, from 1
	Error  string         `json:"error,omitempty"`
}

type loadCount struct {
	Loaded    int `json:"loaded"`
	WouldLoad int `json:"would_load"`
	Skipped   int `json:"skipped"`
	Failed    int `json:"failed"`
}

// Run sends the letters.
func (c *Load) Run(ctx context.Context, p *program.Program) error {
	if c.Skip < 0 {
		return program.Usagef("--skip: 0 or more")
	}
	if c.File == "-" && !c.Yes && !c.DryRun {
		return program.Usagef("no answer from the standard input, which has the letters: add --yes")
	}
	a, err := newAction(ctx, p, c.Filter)
	if err != nil {
		return err
	}
	in, err := p.OpenInput(c.File)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	to := "the dead-letter queues"
	if c.Again {
		to = "the queues, to be run again,"
	}
	question := fmt.Sprintf("Send the letters of %s to %s of %s?", c.File, to, a.app)
	if err := p.Confirm(ctx, c.Yes || c.DryRun, program.Line(question)); err != nil {
		return err
	}
	progress := p.NewProgress()
	report, err := sqsx.Load(ctx, a.client, a.app, readLetters(in, c.Skip), sqsx.LoadConfig{
		Account: p.Account, Naming: p.Naming(), Priorities: c.Priority, Tasks: c.Task, Reason: a.chosen.reason,
		Since: a.chosen.since, IDs: c.ID, Limit: c.Limit, Rate: c.Rate, Run: c.Again, DryRun: c.DryRun,
		Progress: func(count sqsx.LoadCount) { progress.Setf("%s", count) },
	})
	progress.Close()
	if writeErr := c.print(p, a.app, report, err); writeErr != nil {
		return writeErr
	}
	return err
}

func (c *Load) print(p *program.Program, app string, report sqsx.LoadReport, failed error) error {
	positions := make([]int, len(report.Failed))
	for i, position := range report.Failed {
		positions[i] = c.Skip + position + 1
	}
	if p.JSON {
		return p.Document(loadReport{
			App: app, DryRun: c.DryRun, Count: loadCount(report.Count), Loaded: report.Loaded,
			Read: c.Skip + report.Read, Failed: positions, Error: errorText(failed),
		})
	}
	for _, queue := range sortedKeys(report.Loaded) {
		p.Printf("%s: %d loaded\n", queue, report.Loaded[queue])
	}
	p.Printf("%s\n", report.Count)
	if len(positions) > 0 {
		shown := strings.Trim(fmt.Sprint(positions[:min(len(positions), 20)]), "[]")
		p.Sayf("failed letters, by place in the file: %s", shown)
	}
	if failed != nil && !c.DryRun && c.Skip+report.Read > 0 {
		p.Sayf("to continue: --skip %d", c.Skip+report.Read)
	}
	return nil
}
