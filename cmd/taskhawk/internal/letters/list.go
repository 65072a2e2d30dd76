package letters

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/contracts"
	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Ls is the command `taskhawk dlq ls`.
type Ls struct {
	Filter

	Limit    int  `default:"100"                                     help:"Letters at most. 0: all, up to 100000 a queue."`
	ShowArgs bool `help:"Show arguments, header values and attributes too."`
}

// Help has examples.
func (*Ls) Help() string {
	return `ATTEMPTS is the attempt that failed for good, otherwise the number of receives, looks
included. A letter has a REASON if a worker made it one, by Permanent or WithMaxAttempts. SQS moves
messages that were received too often without a reason: the worker's log has their errors.

Examples:
  taskhawk dlq ls --app dev-myapp
  taskhawk dlq ls --app dev-myapp --task tasks.charge_card --since 2h --reason 'timeout|refused'
  taskhawk dlq ls --app dev-myapp --json --limit 0 | jq -r .task | sort | uniq -c`
}

// Run prints the list as letters come.
func (c *Ls) Run(ctx context.Context, p *program.Program) error {
	a, err := newAction(ctx, p, c.Filter)
	if err != nil {
		return err
	}
	if c.Limit < 0 {
		return program.Usagef("--limit: 0 or more")
	}
	write, end := c.writer(p)
	var failed error
	shown := 0
	for letter, err := range sqsx.DeadLetters(ctx, a.client, a.app, a.look(c.Limit, c.ShowArgs)) {
		if err != nil {
			if ctx.Err() != nil || failed != nil && failed.Error() == err.Error() {
				failed = err
				continue
			}
			if failed != nil {
				p.Sayf("%s", program.Line(failed.Error()))
			}
			failed = err
			continue
		}
		shown++
		if err := write(letter); err != nil {
			return err
		}
	}
	if err := end(); err != nil {
		return err
	}
	if failed == nil && shown == 0 && !p.JSON {
		p.Sayf("no dead letters found")
	}
	if failed == nil && c.Limit > 0 && shown == c.Limit && !p.JSON {
		p.Sayf("the first %d are listed; --limit 0 lists all", shown)
	}
	return failed
}

// writer returns functions that write a letter and finish the list.
func (c *Ls) writer(p *program.Program) (write func(sqsx.DeadLetter) error, end func() error) {
	if p.JSON {
		return func(l sqsx.DeadLetter) error { return p.JSONLine(newLetterJSON(l)) }, func() error { return nil }
	}
	columns := []string{"ID", "TASK", "QUEUE", "SENT", "ATTEMPTS", "SIZE", "REASON"}
	if c.ShowArgs {
		columns = append(columns, "MESSAGE")
	}
	table := p.Table(columns...)
	return func(l sqsx.DeadLetter) error {
		cells := []string{
			id(l), task(l), l.Queue, program.Ago(l.Sent, time.Now()), strconv.Itoa(attempts(l)), strconv.Itoa(l.Size),
			reason(l),
		}
		if c.ShowArgs {
			cells = append(cells, l.Body)
		}
		table.Row(cells...)
		return nil
	}, table.Close
}

func id(l sqsx.DeadLetter) string {
	if l.ID != "" {
		return l.ID
	}
	return l.MessageID
}

func task(l sqsx.DeadLetter) string {
	switch {
	case l.Damaged:
		return "(damaged)"
	case l.Task == "":
		return "(unreadable)"
	}
	return l.Task
}

func attempts(l sqsx.DeadLetter) int {
	if l.Attempt > 0 {
		return l.Attempt
	}
	return l.Receives
}

// reason returns the letter's reason, or why it has none.
func reason(l sqsx.DeadLetter) string {
	if l.Reason == "" {
		return "(moved by SQS, received too often; see the worker's log)"
	}
	return l.Reason
}

// Show is the command `taskhawk dlq show`.
type Show struct {
	ID       string `arg:""                                                     help:"Id of the run, or of the SQS message."`
	ShowArgs bool   `help:"Show arguments, header values and attributes too."`
	Contract string `help:"Show whether the letter fits a contract." placeholder:"FILE" predictor:"file"`
}

// Help has examples.
func (*Show) Help() string {
	return `It looks at the dead letters of all queues until it finds the id.

Examples:
  taskhawk dlq show 5c8b7e0e-4f6f-4d1c-9c38-0c1ad7a8b2f1 --app dev-myapp --show-args`
}

// Run prints the letter.
func (c *Show) Run(ctx context.Context, p *program.Program) error {
	checker, err := contracts.Load(c.Contract)
	if err != nil {
		return err
	}
	a, err := newAction(ctx, p, Filter{ID: []string{c.ID}})
	if err != nil {
		return err
	}
	var failed error
	for letter, err := range sqsx.DeadLetters(ctx, a.client, a.app, a.look(1, true)) {
		if err != nil {
			failed = err
			continue
		}
		fit := ""
		if checker != nil {
			fit = "fits"
			if err := checker.Check(letter.Body); err != nil {
				fit = err.Error()
			}
		}
		if p.JSON {
			j := newLetterJSON(letter)
			if !c.ShowArgs {
				j.Body, j.Attributes, j.Trace = "", nil, ""
			}
			j.Contract = fit
			return p.Document(j)
		}
		c.print(p, letter)
		if fit != "" {
			p.Printf("%-12s %s\n", "contract", program.Line(fit))
		}
		return nil
	}
	if failed != nil {
		return failed
	}
	return fmt.Errorf("no dead letter of %s with the id %s, or it is in flight", a.app, c.ID)
}

func (c *Show) print(p *program.Program, l sqsx.DeadLetter) {
	line := func(name, value string) {
		if value != "" {
			p.Printf("%-12s %s\n", name, program.Line(value))
		}
	}
	line("task", task(l))
	line("id", l.ID)
	line("message id", l.MessageID)
	line("reason", reason(l))
	line("goes back to", l.Queue)
	line("dispatched", stamp(l.Dispatched))
	line("sent", stamp(l.Sent))
	if l.Attempt > 0 {
		line("attempt", strconv.Itoa(l.Attempt))
	}
	line("receives", fmt.Sprintf("%d, this look included", l.Receives))
	line("group", l.Group)
	line("size", fmt.Sprintf("%d bytes", l.Size))
	if !c.ShowArgs {
		line("arguments", outline(l.Body))
		line("attributes", strings.Join(names(l.Attributes), ", "))
		p.Sayf("--show-args shows arguments, headers and the values of attributes")
		return
	}
	line("trace", l.Trace)
	for _, name := range names(l.Attributes) {
		line("attribute", name+" = "+attributeText(l.Attributes[name]))
	}
	p.Printf("%s\n", pretty(l.Body))
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339) + " (" + program.Ago(at, time.Now()) + " ago)"
}

func attributeText(value types.MessageAttributeValue) string {
	if value.StringValue != nil {
		return *value.StringValue
	}
	return fmt.Sprintf("%s, %d bytes", aws.ToString(value.DataType), len(value.BinaryValue))
}

// outline returns the names of arguments and headers, without values.
func outline(body string) string {
	message, err := taskhawk.ParseMessage(body)
	if err != nil {
		return "not a message of Taskhawk"
	}
	var args []json.RawMessage
	var kwargs map[string]json.RawMessage
	if json.Unmarshal([]byte(message.Args), &args) != nil || json.Unmarshal([]byte(message.Kwargs), &kwargs) != nil {
		return "cannot be read"
	}
	parts := []string{fmt.Sprintf("%d positional", len(args))}
	for _, part := range []struct {
		what  string
		names []string
	}{{"keyword", sortedKeys(kwargs)}, {"headers", sortedKeys(message.Headers)}} {
		if len(part.names) > 0 {
			parts = append(parts, part.what+": "+strings.Join(part.names, ", "))
		}
	}
	return strings.Join(parts, "; ")
}

// pretty returns a body as indented, printable lines.
func pretty(body string) string {
	var indented strings.Builder
	if text, err := json.MarshalIndent(json.RawMessage(body), "", "  "); err == nil {
		body = string(text)
	}
	for line := range strings.SplitSeq(body, "\n") {
		indented.WriteString(program.Line(line) + "\n")
	}
	return strings.TrimSuffix(indented.String(), "\n")
}
