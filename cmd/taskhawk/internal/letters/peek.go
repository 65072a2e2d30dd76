package letters

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Peek is the command `taskhawk peek`.
type Peek struct {
	Queue    string `arg:""                                                    help:"Name of the queue; or a priority, with --app: high, default, low, bulk."`
	Limit    int    `default:"10"                                              help:"Messages at most, up to 1000."`
	ShowArgs bool   `help:"Show arguments, header values and attributes too."`
	Yes      bool   `help:"Do not ask."                                        short:"y"`
}

// Help has examples.
func (*Peek) Help() string {
	return `Each look at a message uses one of the receives that its queue allows. A message at its last
receive becomes a dead letter without another run. Workers do not see the messages while the command
runs. To count messages, use taskhawk queues.

Examples:
  taskhawk peek high --app dev-myapp
  taskhawk peek TASKHAWK-DEV-MYAPP-BULK --limit 1 --show-args`
}

type waitingJSON struct {
	Queue       string                   `json:"queue"`
	MessageID   string                   `json:"message_id"`
	ID          string                   `json:"id"`
	Task        string                   `json:"task"`
	Receives    int                      `json:"receives"`
	MaxReceives int                      `json:"max_receives"`
	Dispatched  *time.Time               `json:"dispatched"`
	Sent        *time.Time               `json:"sent"`
	Group       string                   `json:"group"`
	Size        int                      `json:"size"`
	Attributes  map[string]attributeJSON `json:"attributes,omitempty"`
	Body        string                   `json:"body,omitempty"`
}

// Run prints the messages.
func (c *Peek) Run(ctx context.Context, p *program.Program) error {
	priority, err := c.parse(p)
	if err != nil {
		return err
	}
	client, err := p.SQS(ctx)
	if err != nil {
		return err
	}
	question := fmt.Sprintf(
		"Look at up to %d messages of %s? Each look uses one of the receives that the queue allows.", c.Limit, c.Queue)
	if err := p.Confirm(ctx, c.Yes, program.Line(question)); err != nil {
		return err
	}
	columns := []string{"ID", "TASK", "SENT", "RECEIVES", "SIZE"}
	if c.ShowArgs {
		columns = append(columns, "MESSAGE")
	}
	table := &program.Table{}
	if !p.JSON {
		table = p.Table(columns...)
	}
	var failed error
	last := 0
	for m, err := range sqsx.Waiting(ctx, client, p.App, sqsx.WaitingConfig{
		Account: p.Account, Naming: p.Naming(), Priorities: []taskhawk.Priority{priority}, Limit: c.Limit,
		Bodies: c.ShowArgs,
	}) {
		switch {
		case err != nil:
			failed = err
			continue
		case m.MaxReceives > 0 && m.Receives >= m.MaxReceives:
			last++
		}
		if err := c.write(p, table, m); err != nil {
			return err
		}
	}
	if err := table.Close(); err != nil {
		return err
	}
	if last > 0 {
		p.Sayf("%d of these are at their last receive: the next one makes dead letters of them", last)
	}
	return failed
}

func (c *Peek) write(p *program.Program, table *program.Table, m sqsx.WaitingMessage) error {
	letter := sqsx.DeadLetter{
		Queue: m.Queue, MessageID: m.MessageID, ID: m.ID, Task: m.Task, Size: m.Size, Damaged: m.Damaged,
		Body: m.Body, Attributes: m.Attributes,
	}
	if p.JSON {
		j := newLetterJSON(letter)
		return p.JSONLine(waitingJSON{
			Queue: m.Queue, MessageID: m.MessageID, ID: m.ID, Task: m.Task, Receives: m.Receives,
			MaxReceives: m.MaxReceives, Dispatched: moment(m.Dispatched), Sent: moment(m.Sent), Group: m.Group,
			Size:       m.Size,
			Attributes: j.Attributes, Body: j.Body,
		})
	}
	receives := strconv.Itoa(m.Receives)
	if m.MaxReceives > 0 {
		receives += fmt.Sprintf(" of %d", m.MaxReceives)
	}
	cells := []string{id(letter), task(letter), program.Ago(m.Sent, time.Now()), receives, strconv.Itoa(m.Size)}
	if c.ShowArgs {
		cells = append(cells, m.Body)
	}
	table.Row(cells...)
	return nil
}

// parse reads the queue's name: it sets the application, and returns the priority.
func (c *Peek) parse(p *program.Program) (taskhawk.Priority, error) {
	if priority, err := taskhawk.ParsePriority(c.Queue); err == nil {
		app, err := p.NeedApp()
		if err == nil {
			naming := p.Naming()
			if naming == nil {
				naming = sqsx.QueueName
			}
			c.Queue = naming(app, priority)
		}
		return priority, err
	}
	name, fifo := strings.CutSuffix(c.Queue, ".fifo")
	app, ours := strings.CutPrefix(name, "TASKHAWK-")
	switch {
	case strings.HasSuffix(name, "-DLQ"):
		return 0, program.Usagef("%s has dead letters: use taskhawk dlq ls", c.Queue)
	case !ours:
		return 0, program.Usagef("%s is not a queue of Taskhawk: their names begin with TASKHAWK-", c.Queue)
	}
	p.FIFO = fifo
	for _, priority := range taskhawk.Priorities() {
		suffix := strings.TrimPrefix(sqsx.QueueName("", priority), "TASKHAWK-")
		if base, found := strings.CutSuffix(app, suffix); found && suffix != "" {
			p.App = base
			return priority, nil
		}
	}
	p.App = app
	return taskhawk.Default, nil
}
