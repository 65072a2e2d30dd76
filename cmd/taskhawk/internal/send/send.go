package send

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/contracts"
	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Send is the command `taskhawk send`.
type Send struct {
	Task            string            `arg:""                                                                     help:"Name of the task, such as tasks.send_email."`
	Arguments       []string          `arg:""                                                                     help:"Positional arguments, and key=value for keyword arguments. Values are JSON, otherwise strings." name:"argument" optional:""`
	Priority        taskhawk.Priority `default:"default" predictor:"priority"                                                          help:"Queue: high, default, low or bulk."`
	Header          []string          `help:"A header. Repeatable."                                               placeholder:"NAME=VALUE" sep:"none"`
	Delay           time.Duration     `help:"Delay before workers see it, up to 15m."                    placeholder:"DURATION"`
	Group           string            `help:"Message group: the order on a FIFO queue, the tenant on a standard one." placeholder:"NAME"`
	DeduplicationID string            `help:"Deduplication id, on FIFO queues. Default: the id of the run."        name:"deduplication-id" placeholder:"ID"`
	ID              string            `help:"Id of the run. Default: a new UUID."                                 name:"id" placeholder:"ID"`
	Contract        string            `help:"Contract that the arguments must fit: see taskhawk contract." placeholder:"FILE" predictor:"file"`
	File            string            `help:"A file with a run a line, {\"args\": [...], \"kwargs\": {...}}; - is the standard input." placeholder:"FILE" predictor:"file"`
}

// Help has examples.
func (*Send) Help() string {
	return `The arguments are those of the Python function: the worker checks them, this command
cannot. A value is JSON, otherwise a string. Quote a string that looks like JSON or begins
with name= : '"12"', '"a=b"'. Before values that begin with a minus, write -- .

Examples:
  taskhawk send tasks.send_email ann@example.com Hello! --app dev-myapp
  taskhawk send tasks.resize 17 width=640 'tags=["new"]' --priority bulk --header request_id=1234
  taskhawk send tasks.reindex --file runs.jsonl --delay 5m`
}

// sent is a run that was sent, as JSON.
type sent struct {
	ID    string `json:"id"`
	Task  string `json:"task"`
	Queue string `json:"queue"`
}

// Run sends one run, or one for each line of the file.
func (c *Send) Run(ctx context.Context, p *program.Program) error {
	app, err := p.NeedApp()
	if err != nil {
		return err
	}
	headers, err := parseHeaders(c.Header)
	if err != nil {
		return err
	}
	if c.File != "" && (len(c.Arguments) > 0 || c.ID != "" || c.DeduplicationID != "") {
		return program.Usagef("--file excludes arguments, --id and --deduplication-id")
	}
	if c.Delay < 0 || c.Delay > sqsx.MaxDelay {
		return program.Usagef("nothing sent: --delay takes up to 15m; for later runs use a schedule, see docs/guide.md")
	}
	checker, err := contracts.Load(c.Contract)
	if err != nil {
		return err
	}
	client, err := p.SQS(ctx)
	if err != nil {
		return err
	}
	publisher, err := sqsx.NewPublisher(client, app, sqsx.PublisherConfig{Account: p.Account, Naming: p.Naming()})
	if err != nil {
		return err
	}
	s := &sender{Program: p, Send: c, app: app, headers: headers, publisher: publisher, checker: checker}
	if c.File != "" {
		return s.sendFile(ctx)
	}
	run, err := parseArguments(c.Arguments)
	if err != nil {
		return program.Usagef("%w", err)
	}
	return s.send(ctx, []call{run})
}

type sender struct {
	*program.Program
	*Send

	app       string
	headers   taskhawk.Headers
	publisher *sqsx.Publisher
	checker   *contracts.Checker // nil without a contract
	total     int
}

// send sends runs in as few requests as possible, and prints their ids.
func (s *sender) send(ctx context.Context, runs []call) error {
	outs := make([]*taskhawk.Outgoing, len(runs))
	for i, run := range runs {
		var err error
		if outs[i], err = s.outgoing(run); err != nil {
			return err
		}
	}
	var failed []error
	for i, err := range s.publisher.PublishBatch(ctx, outs) {
		if err != nil {
			failed = append(failed, err)
			continue
		}
		s.total++
		if err := s.say(outs[i]); err != nil {
			return err
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d not sent, or delivery outcome unknown: %w", len(failed), len(runs), failed[0])
	}
	return nil
}

func (s *sender) outgoing(run call) (*taskhawk.Outgoing, error) {
	message := taskhawk.Message{
		ID: s.ID, Priority: s.Priority, Timestamp: time.Now(), Headers: s.headers, Task: s.Task,
		Args: string(run.Args), Kwargs: string(run.Kwargs),
	}
	if message.ID == "" {
		message.ID = uuid.NewString()
	}
	body, err := message.MarshalJSON()
	if err != nil {
		return nil, program.Usagef("%w", err)
	}
	if err := s.checker.Check(string(body)); err != nil {
		return nil, program.Usagef("not sent: %w", err)
	}
	return &taskhawk.Outgoing{
		ID: message.ID, Task: s.Task, Priority: s.Priority, Headers: s.headers, Body: string(body),
		Delay: s.Delay, Group: s.Group, DeduplicationID: s.DeduplicationID,
	}, nil
}

func (s *sender) say(out *taskhawk.Outgoing) error {
	if !s.JSON {
		s.Printf("%s\n", program.Line(out.ID))
		return nil
	}
	naming := s.Naming()
	if naming == nil {
		naming = sqsx.QueueName
	}
	return s.JSONLine(sent{ID: out.ID, Task: out.Task, Queue: naming(s.app, out.Priority)})
}

// fileBatch is the most lines of a file that are sent together.
const fileBatch = 100

// sendFile sends the runs of a file. It stops at the first one that fails; its error has
// the place.
func (s *sender) sendFile(ctx context.Context) error {
	in, err := s.OpenInput(s.File)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	lines := newRunReader(in)
	for {
		runs, readErr := lines.next(fileBatch)
		if len(runs) > 0 {
			if err := s.send(ctx, runs); err != nil {
				return fmt.Errorf("lines before %d are sent: %w", lines.number-len(runs)+1, err)
			}
		}
		switch {
		case errors.Is(readErr, io.EOF):
			return nil
		case readErr != nil:
			return fmt.Errorf("line %d; %d runs before it are sent: %w", lines.number, s.total, readErr)
		}
	}
}

// parseHeaders reads NAME=VALUE. Values are not in errors.
func parseHeaders(texts []string) (taskhawk.Headers, error) {
	var headers taskhawk.Headers
	for _, text := range texts {
		name, value, found := strings.Cut(text, "=")
		switch {
		case !found || name == "":
			return nil, program.Usagef("--header takes NAME=VALUE")
		case strings.HasPrefix(name, "taskhawk_"):
			return nil, program.Usagef("--header %s: names that begin with taskhawk_ are reserved", name)
		}
		if headers == nil {
			headers = taskhawk.Headers{}
		}
		headers[name] = value
	}
	return headers, nil
}
