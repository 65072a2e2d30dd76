package queues

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqscheck"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Queues is the command `taskhawk queues`.
type Queues struct {
	Application string        `arg:""                                help:"Name of the application. Default: --app, otherwise all applications of the account." name:"app" optional:""`
	Watch       bool          `help:"Refresh the list until stopped."  short:"w"`
	Interval    time.Duration `default:"5s"                          help:"Interval of --watch."`
}

// Help has examples.
func (*Queues) Help() string {
	return `SQS counts approximately, and up to a minute late. The age of the oldest message comes from
CloudWatch, if the caller may read it (cloudwatch:GetMetricData).

Examples:
  taskhawk queues dev-myapp
  taskhawk queues dev-myapp --watch
  taskhawk queues --json | jq -r 'select(.waiting > 1000) | .queue'`
}

// row is a line of the list, and its JSON.
type row struct {
	App         string            `json:"app"`
	Queue       string            `json:"queue"`
	Priority    taskhawk.Priority `json:"priority"`
	DeadLetters bool              `json:"dead_letters"`
	Exists      bool              `json:"exists"`
	Waiting     *int              `json:"waiting"` // null if it cannot be seen
	InFlight    *int              `json:"in_flight"`
	Delayed     *int              `json:"delayed"`
	// OldestSeconds is the age of the oldest message; null if it cannot be seen.
	OldestSeconds *int      `json:"oldest_seconds"`
	Findings      []finding `json:"findings"`
	Error         string    `json:"error,omitempty"`
}

// Run prints the list.
func (q *Queues) Run(ctx context.Context, p *program.Program) error {
	client, err := p.SQS(ctx)
	if err != nil {
		return err
	}
	ages, err := newAges(ctx, p)
	if err != nil {
		return err
	}
	l := &lister{Program: p, client: client, ages: ages}
	if q.Application != "" {
		p.App = q.Application
	}
	if !q.Watch {
		return l.list(ctx)
	}
	for {
		if p.OutTerminal && !p.JSON {
			p.Printf("\x1b[H\x1b[2J") // home, clear: the only escape codes, and only with --watch
		}
		if err := l.list(ctx); err != nil && ctx.Err() == nil {
			if program.Code(err) != program.ExitFailed {
				return err
			}
			p.Sayf("%s", program.Line(err.Error()))
		}
		select {
		case <-ctx.Done():
			return nil // a stop is how it ends
		case <-time.After(q.Interval):
		}
	}
}

type lister struct {
	*program.Program

	client *sqs.Client
	ages   *ages
}

// list prints the queues of one application, or of all.
func (l *lister) list(ctx context.Context) error {
	apps := []string{l.App}
	if l.App == "" {
		var err error
		if apps, err = l.applications(ctx); err != nil {
			return err
		}
		if len(apps) == 0 {
			l.Sayf("no queues of Taskhawk in this account and region; taskhawk provision NAME creates them")
			return nil
		}
	}
	var rows []row
	var others []sqscheck.Finding
	for _, app := range apps {
		found, rest, err := l.rows(ctx, app)
		if err != nil {
			return err
		}
		rows, others = append(rows, found...), append(others, rest...)
	}
	return l.print(rows, others)
}

// rows returns the rows of an application, and the findings that concern no single queue.
func (l *lister) rows(ctx context.Context, app string) ([]row, []sqscheck.Finding, error) {
	counts, err := sqsx.Count(ctx, l.client, app, sqsx.CountConfig{Account: l.Account, Naming: l.Naming()})
	if err != nil {
		return nil, nil, err
	}
	report, err := sqscheck.Check(ctx, l.client, app, sqscheck.Config{
		Worker: sqsx.WorkerConfig{Account: l.Account, Naming: l.Naming()},
	})
	if ctx.Err() != nil {
		return nil, nil, err
	}
	p := *l.Program
	p.App = app
	report = inWords(&p, report)
	oldest := l.ages.of(ctx, counts)
	rows := make([]row, len(counts))
	byName := map[string]*row{}
	for i, c := range counts {
		rows[i] = newRow(app, c)
		if age, ok := oldest[c.Queue]; ok {
			rows[i].OldestSeconds = aws.Int(int(age.Seconds()))
		}
		byName[c.Queue] = &rows[i]
	}
	var others []sqscheck.Finding
	for _, f := range report.Findings {
		if r := byName[f.Queue]; r != nil {
			r.Findings = append(r.Findings, newFinding(f))
			continue
		}
		others = append(others, f)
	}
	return rows, others, nil
}

func newRow(app string, c sqsx.QueueCount) row {
	r := row{
		App: app, Queue: c.Queue, Priority: c.Priority, DeadLetters: c.DeadLetters, Exists: true, Findings: []finding{},
	}
	if c.Err != nil {
		r.Error, r.Exists = c.Err.Error(), !isMissing(c.Err)
		return r
	}
	r.Waiting, r.InFlight, r.Delayed = &c.Waiting, &c.InFlight, &c.Delayed
	return r
}

// print writes the rows. It returns an error with exit code 2 if a queue was not seen.
func (l *lister) print(rows []row, others []sqscheck.Finding) error {
	unseen, missing := 0, 0
	for _, r := range rows {
		switch {
		case !r.Exists:
			missing++
		case r.Error != "":
			unseen++
		}
	}
	if l.JSON {
		for _, r := range rows {
			if err := l.JSONLine(r); err != nil {
				return err
			}
		}
	} else if missing == len(rows) {
		return l.NoQueues()
	} else if err := l.table(rows, others); err != nil {
		return err
	}
	switch {
	case unseen > 0:
		return program.CannotSee(fmt.Errorf("%d of %d queues not seen: %s", unseen, len(rows), firstError(rows)))
	case missing == len(rows):
		return l.NoQueues()
	}
	return nil
}

func (l *lister) table(rows []row, others []sqscheck.Finding) error {
	t := l.Table("QUEUE", "WAITING", "IN FLIGHT", "DELAYED", "OLDEST", "FINDINGS")
	for _, r := range rows {
		oldest := "-"
		if r.OldestSeconds != nil {
			oldest = program.Short(time.Duration(*r.OldestSeconds) * time.Second)
		}
		t.Row(r.Queue, number(r.Waiting), number(r.InFlight), number(r.Delayed), oldest, r.summary())
	}
	if err := t.Close(); err != nil {
		return err
	}
	for _, f := range others {
		l.Printf("%s\n", program.Line(f.String()))
	}
	if problem := l.ages.problem(); problem != "" {
		l.Sayf("%s", problem)
	}
	return nil
}

// summary returns the errors and warnings in one line.
func (r row) summary() string {
	switch {
	case !r.Exists:
		return "does not exist"
	case r.Error != "":
		return "cannot be seen"
	}
	var parts []string
	infos := 0
	for _, f := range r.Findings {
		if f.Severity == sqscheck.SeverityInfo {
			infos++
			continue
		}
		parts = append(parts, fmt.Sprintf("%s: %s", f.Severity, f.Code))
	}
	if len(parts) > 0 {
		return strings.Join(parts, ", ")
	}
	if infos == 1 {
		return "ok, 1 info"
	}
	if infos > 0 {
		return fmt.Sprintf("ok, %d infos", infos)
	}
	return "ok"
}

func firstError(rows []row) string {
	for _, r := range rows {
		if r.Error != "" {
			return r.Error
		}
	}
	return ""
}

func number(n *int) string {
	if n == nil {
		return "-"
	}
	return strconv.Itoa(*n)
}

// queuePrefix begins the names of all queues of Taskhawk.
const queuePrefix = "TASKHAWK-"

// applications finds the applications of the account by the names of its queues.
func (l *lister) applications(ctx context.Context) ([]string, error) {
	var apps []string
	seen := map[string]bool{}
	pages := sqs.NewListQueuesPaginator(l.client, &sqs.ListQueuesInput{
		QueueNamePrefix: aws.String(queuePrefix), MaxResults: aws.Int32(1000),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list queues: %w", err)
		}
		for _, url := range page.QueueUrls {
			app := applicationOf(url[strings.LastIndexByte(url, '/')+1:])
			if app != "" && !seen[app] {
				seen[app] = true
				apps = append(apps, app)
			}
		}
	}
	return apps, nil
}

// applicationOf returns the name of the application whose default queue has that name, in
// lower case, and "" for other queues.
func applicationOf(queue string) string {
	app, ours := strings.CutPrefix(strings.TrimSuffix(queue, ".fifo"), queuePrefix)
	if !ours || strings.HasSuffix(app, "-DLQ") {
		return ""
	}
	for _, suffix := range []string{"-HIGH-PRIORITY", "-LOW-PRIORITY", "-BULK"} {
		if strings.HasSuffix(app, suffix) {
			return ""
		}
	}
	return strings.ToLower(app)
}
