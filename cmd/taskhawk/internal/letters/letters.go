package letters

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// DLQ is the command `taskhawk dlq`.
type DLQ struct {
	Ls      Ls      `cmd:"" help:"List dead letters."`
	Show    Show    `cmd:"" help:"Show one dead letter."`
	Redrive Redrive `cmd:"" help:"Move dead letters back to their queues, to be run again."`
	Drop    Drop    `cmd:"" help:"Delete dead letters."`
	Save    Save    `cmd:"" help:"Write copies of dead letters as JSON lines."`
	Load    Load    `cmd:"" help:"Send copies of dead letters back."`
}

// Help describes the side effects of all its commands.
func (*DLQ) Help() string {
	return `SQS shows a message only to a receive. So each look adds one to the receive counts, and hides
the letters from others until the command ends. No look deletes or moves a letter.`
}

// Filter are the flags that choose letters.
type Filter struct {
	Task     []string            `help:"Letters of these tasks."                                               placeholder:"NAME"`
	Reason   string              `help:"Letters whose reason this regular expression matches."                 placeholder:"REGEXP"`
	Since    string              `help:"Letters sent since: a duration such as 2h or 3d, a date, or a time as 2026-11-29T03:00:00Z." placeholder:"WHEN"`
	ID       []string            `help:"Letters with these ids, of the run or of the SQS message."             name:"id" placeholder:"ID"`
	Priority []taskhawk.Priority `help:"Letters of these queues: high, default, low, bulk."                    placeholder:"PRIORITY" predictor:"priority"`
}

// chosen is a checked Filter.
type chosen struct {
	Filter

	reason func(string) bool
	since  time.Time
}

// read checks the flags.
func (f Filter) read(now time.Time) (chosen, error) {
	c := chosen{Filter: f}
	if f.Reason != "" {
		expression, err := regexp.Compile(f.Reason)
		if err != nil {
			return c, program.Usagef("--reason: %w", err)
		}
		c.reason = expression.MatchString
	}
	var err error
	c.since, err = parseWhen(f.Since, now)
	return c, err
}

// parseWhen reads a duration before now, a date or a time; "" is the zero time.
func parseWhen(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n int
		if _, err := fmt.Sscanf(days+"\n", "%d\n", &n); err == nil && n >= 0 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return at, nil
		}
	}
	return time.Time{}, program.Usagef(
		"--since: a duration such as 2h or 3d, a date as 2026-11-29, or a time as 2026-11-29T03:00:00Z")
}

// String describes the chosen letters.
func (c chosen) String() string {
	var parts []string
	if len(c.Task) > 0 {
		parts = append(parts, "of "+strings.Join(c.Task, ", "))
	}
	if c.Reason != "" {
		parts = append(parts, fmt.Sprintf("with a reason like %q", c.Reason))
	}
	if !c.since.IsZero() {
		parts = append(parts, "sent since "+c.since.Format(time.RFC3339))
	}
	if len(c.ID) > 0 {
		parts = append(parts, "with the ids "+strings.Join(c.ID, ", "))
	}
	for _, priority := range c.Priority {
		parts = append(parts, "of priority "+priority.String())
	}
	if len(parts) == 0 {
		return "all dead letters"
	}
	return "the dead letters " + strings.Join(parts, ", ")
}

// Acts are the flags of commands that change something.
type Acts struct {
	Limit  int  `help:"Letters at most. Default: all."              placeholder:"N"`
	Rate   int  `help:"Letters per second at most, 1 to 500."       placeholder:"N"`
	DryRun bool `help:"Change nothing; count the letters that would be changed."`
	Yes    bool `help:"Do not ask."                                 short:"y"`
}

// action is a command on chosen letters.
type action struct {
	*program.Program

	app    string
	client sqsx.RedriveAPI
	chosen chosen
}

func newAction(ctx context.Context, p *program.Program, f Filter) (*action, error) {
	app, err := p.NeedApp()
	if err != nil {
		return nil, err
	}
	c, err := f.read(time.Now())
	if err != nil {
		return nil, err
	}
	client, err := p.SQS(ctx)
	if err != nil {
		return nil, err
	}
	return &action{Program: p, app: app, client: client, chosen: c}, nil
}

// look returns the configuration that chooses the letters.
func (a *action) look(limit int, bodies bool) sqsx.DeadLettersConfig {
	return sqsx.DeadLettersConfig{
		Account: a.Account, Naming: a.Naming(), Priorities: a.chosen.Priority, Tasks: a.chosen.Task,
		Reason: a.chosen.reason, Since: a.chosen.since, IDs: a.chosen.ID, Limit: limit, Bodies: bodies,
	}
}

// dead counts the dead letters of the chosen queues. It fails if none are seen and a queue
// could not be counted.
func (a *action) dead(ctx context.Context) (waiting, inFlight int, err error) {
	counts, err := sqsx.Count(ctx, a.client, a.app, sqsx.CountConfig{
		Account: a.Account, Naming: a.Naming(), Priorities: a.chosen.Priority,
	})
	for _, c := range counts {
		if c.DeadLetters {
			waiting, inFlight = waiting+c.Waiting, inFlight+c.InFlight
			err = cmp.Or(err, c.Err)
		}
	}
	if waiting+inFlight > 0 {
		err = nil
	}
	return waiting, inFlight, err
}

// confirm asks before something is done to the chosen letters. It returns false, without a
// question, if there are none.
func (a *action) confirm(ctx context.Context, acts Acts, verb, what string) (some bool, err error) {
	if acts.DryRun || acts.Yes {
		return true, nil
	}
	dead, inFlight, err := a.dead(ctx)
	if err != nil {
		return false, err
	}
	if dead == 0 {
		text := fmt.Sprintf("no dead letters of %s; SQS counts up to a minute late", a.app)
		if inFlight > 0 {
			text = fmt.Sprintf("no dead letters of %s to receive, %d are in flight", a.app, inFlight)
		}
		a.Sayf("%s; --yes looks for them anyway", program.Line(text))
		return false, nil
	}
	where := a.Where()
	if where != "" {
		where = " (" + where + ")"
	}
	which := a.chosen.String()
	if acts.Limit > 0 {
		which = fmt.Sprintf("up to %d of %s", acts.Limit, which)
	}
	return true, a.Confirm(ctx, false, program.Line(fmt.Sprintf("%s %s of %s%s%s? About %d dead letters are there.",
		verb, which, a.app, where, what, dead)))
}
