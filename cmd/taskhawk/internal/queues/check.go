package queues

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqscheck"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Check is the command `taskhawk check`.
type Check struct {
	Application   string              `arg:"" help:"Name of the application. Default: --app." name:"app" optional:""`
	Priority      []taskhawk.Priority `help:"Queues to check: high, default, low, bulk. Default: all."  placeholder:"PRIORITY" predictor:"priority"`
	Visibility    time.Duration       `help:"Visibility timeout of the workers. Default: 30s."          placeholder:"DURATION"`
	LongestTask   time.Duration       `help:"Duration of the slowest task."                       placeholder:"DURATION"`
	LambdaTimeout time.Duration       `help:"Timeout of the Lambda function that the queues feed."      placeholder:"DURATION"`
}

// Help has examples.
func (*Check) Help() string {
	return `It reads attributes and receives no message. Exit code 1: an error was found. Exit code 2:
queues or settings could not be seen.

Examples:
  taskhawk check dev-myapp
  taskhawk check dev-myapp --longest-task 20m --visibility 1m
  taskhawk check dev-myapp --json | jq '.findings[] | select(.severity == "error")'`
}

type finding struct {
	Severity sqscheck.Severity `json:"severity"`
	Code     sqscheck.Code     `json:"code"`
	Queue    string            `json:"queue"`
	Problem  string            `json:"problem"`
	Advice   string            `json:"advice,omitempty"`
}

func newFinding(f sqscheck.Finding) finding {
	return finding{Severity: f.Severity, Code: f.Code, Queue: f.Queue, Problem: f.Problem, Advice: f.Advice}
}

type checkReport struct {
	App      string    `json:"app"`
	OK       bool      `json:"ok"`
	Errors   int       `json:"errors"`
	Warnings int       `json:"warnings"`
	Infos    int       `json:"infos"`
	Unseen   int       `json:"unseen"`
	Findings []finding `json:"findings"`
}

// Run prints the findings.
func (c *Check) Run(ctx context.Context, p *program.Program) error {
	if c.Application != "" {
		p.App = c.Application
	}
	app, err := p.NeedApp()
	if err != nil {
		return err
	}
	client, err := p.SQS(ctx)
	if err != nil {
		return err
	}
	report, err := sqscheck.Check(ctx, client, app, sqscheck.Config{
		Worker: sqsx.WorkerConfig{
			Account: p.Account, Naming: p.Naming(), Priorities: c.Priority, VisibilityTimeout: c.Visibility,
		},
		LongestTask:   c.LongestTask,
		LambdaTimeout: c.LambdaTimeout,
	})
	if err != nil && len(report.Findings) == 0 {
		return program.CannotSee(err)
	}
	report = inWords(p, report)
	unseen := len(report.Of(sqscheck.CodeAccessDenied)) + len(report.Of(sqscheck.CodeUnreadable))
	if err := c.print(p, app, report, unseen); err != nil {
		return err
	}
	if err != nil {
		p.Sayf("%s", program.Line(err.Error()))
	}
	switch {
	case report.Count(sqscheck.SeverityError) > 0:
		return program.Exit(program.ExitFailed)
	case unseen > 0 || err != nil:
		return program.Exit(program.ExitUsage)
	}
	return nil
}

// inWords returns the report with the program's own advice. Of an application without
// queues it has the one finding that says so.
func inWords(p *program.Program, report sqscheck.Report) sqscheck.Report {
	findings := make([]sqscheck.Finding, 0, len(report.Findings))
	for _, f := range report.Findings {
		if f.Code == sqscheck.CodeQueueMissing && f.Queue == "" {
			err := p.NoQueues()
			f.Problem, f.Advice = err.Error(), p.Advice(err)
			return sqscheck.Report{Findings: []sqscheck.Finding{f}}
		}
		f.Advice = p.Words(f.Advice)
		findings = append(findings, f)
	}
	report.Findings = findings
	return report
}

func (*Check) print(p *program.Program, app string, report sqscheck.Report, unseen int) error {
	if !p.JSON {
		p.Printf("%s", report)
		return nil
	}
	out := checkReport{
		App: app, OK: report.OK(), Unseen: unseen, Findings: []finding{},
		Errors:   report.Count(sqscheck.SeverityError),
		Warnings: report.Count(sqscheck.SeverityWarning),
		Infos:    report.Count(sqscheck.SeverityInfo),
	}
	for _, f := range report.Findings {
		out.Findings = append(out.Findings, newFinding(f))
	}
	return p.Document(out)
}

func isMissing(err error) bool {
	_, missing := errors.AsType[*types.QueueDoesNotExist](err)
	return missing
}
