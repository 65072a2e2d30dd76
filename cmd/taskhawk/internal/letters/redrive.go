package letters

import (
	"cmp"
	"context"
	"maps"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
	"github.com/taskhawk/taskhawk-go/sqsx"
)

// Redrive is the command `taskhawk dlq redrive`.
type Redrive struct {
	Filter
	Acts

	Copy bool `help:"Receive, send and delete the letters also where SQS could move them: counts by task."`
}

// Help has examples.
func (*Redrive) Help() string {
	return `Letters go back to the queue of their own priority. A stop at any moment loses nothing;
letters that are then on both queues are counted as doubled. Letters sent since the start stay.
Without filters, SQS moves the letters by itself.

Examples:
  taskhawk dlq redrive --app dev-myapp --reason 'connection refused' --dry-run
  taskhawk dlq redrive --app dev-myapp --task tasks.charge_card --rate 50
  taskhawk dlq redrive --app dev-myapp --yes`
}

// redriveReport is the report for programs.
type redriveReport struct {
	App    string          `json:"app"`
	DryRun bool            `json:"dry_run"`
	Count  redriveCount    `json:"count"`
	Queues []queueReport   `json:"queues"`
	Clock  clockDifference `json:"clock_ahead_seconds"`
	Error  string          `json:"error,omitempty"`
}

type clockDifference float64

type queueReport struct {
	Queue    string                  `json:"queue"`
	By       sqsx.RedriveWay         `json:"by"`
	Fallback string                  `json:"fallback,omitempty"`
	Count    redriveCount            `json:"count"`
	Tasks    map[string]redriveCount `json:"tasks,omitempty"`
}

type redriveCount struct {
	Moved     int `json:"moved"`
	WouldMove int `json:"would_move"`
	Skipped   int `json:"skipped"`
	Later     int `json:"later"`
	Failed    int `json:"failed"`
	Doubled   int `json:"doubled"`
}

// Run moves the letters.
func (c *Redrive) Run(ctx context.Context, p *program.Program) error {
	a, err := newAction(ctx, p, c.Filter)
	if err != nil {
		return err
	}
	if some, err := a.confirm(ctx, c.Acts, "Move", " back to their queues"); err != nil || !some {
		return err
	}
	progress := p.NewProgress()
	report, err := sqsx.Redrive(ctx, a.client, a.app, sqsx.RedriveConfig{
		Account: p.Account, Naming: p.Naming(), Priorities: c.Priority, Tasks: c.Task, Reason: a.chosen.reason,
		Since: a.chosen.since, IDs: c.ID, Limit: c.Limit, Rate: c.Rate, DryRun: c.DryRun, Copy: c.Copy,
		Progress: func(count sqsx.RedriveCount) { progress.Setf("%s", count) },
	})
	progress.Close()
	if writeErr := c.print(p, a.app, report, err); writeErr != nil {
		return writeErr
	}
	return err
}

func (c *Redrive) print(p *program.Program, app string, report sqsx.RedriveReport, failed error) error {
	if !p.JSON {
		c.printLines(p, report)
		if doubled := report.Count().Doubled; doubled > 0 {
			p.Sayf("%d letters are on both queues: the next redrive would move them again", doubled)
		}
		return nil
	}
	out := redriveReport{
		App: app, DryRun: c.DryRun, Count: redriveCount(report.Count()), Queues: []queueReport{},
		Clock: clockDifference(report.ClockAhead.Seconds()), Error: errorText(failed),
	}
	for _, q := range report.Queues {
		r := queueReport{Queue: q.Queue, By: q.By, Fallback: errorText(q.Fallback), Count: redriveCount(q.Count)}
		for task, count := range maps.All(q.Tasks) {
			if r.Tasks == nil {
				r.Tasks = map[string]redriveCount{}
			}
			r.Tasks[task] = redriveCount(count)
		}
		out.Queues = append(out.Queues, r)
	}
	return p.Document(out)
}

// ways are the words for how letters were moved.
var ways = map[sqsx.RedriveWay]string{
	sqsx.ByMoveTask: " by SQS",
	sqsx.ByCopy:     " by copy and delete",
}

// printLines writes a line for each queue, and one for each task below it.
func (*Redrive) printLines(p *program.Program, report sqsx.RedriveReport) {
	for _, q := range report.Queues {
		way := ""
		if q.Count.Moved > 0 {
			way = "," + ways[q.By]
		}
		p.Printf("%s: %s%s\n", q.Queue, q.Count, way)
		for _, task := range sortedKeys(q.Tasks) {
			p.Printf("  %s: %s\n", program.Line(cmp.Or(task, "(unreadable)")), q.Tasks[task])
		}
		if q.Fallback != nil && q.Count.Moved > 0 {
			p.Sayf("%s: copied, since SQS did not move them: %s", q.Queue, program.Line(q.Fallback.Error()))
		}
	}
	if report.ClockAhead != 0 {
		p.Printf("the clock of SQS is %s ahead of this machine's, and is the one that counts\n", report.ClockAhead)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
