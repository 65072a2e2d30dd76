package queues

import (
	"context"
	"strings"
	"time"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqscheck"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Provision is the command `taskhawk provision`.
type Provision struct {
	Application     string              `arg:"" help:"Name of the application. Default: --app." name:"app" optional:""`
	Priority        []taskhawk.Priority `help:"Queues to create: high, default, low, bulk. Default: all."                     placeholder:"PRIORITY" predictor:"priority"`
	MaxReceiveCount int                 `default:"5"                                                                           help:"Receives before a message becomes a dead letter."`
	Visibility      time.Duration       `help:"Visibility timeout of the queues. Default: 30s."                                placeholder:"DURATION"`
	Retention       time.Duration       `help:"How long the queues keep a message. Default: 96h; dead-letter queues keep 14 days." placeholder:"DURATION"`
	Tag             map[string]string   `help:"Tags of queues that are created."                                               mapsep:"," placeholder:"KEY=VALUE"`
}

// Help has examples.
func (*Provision) Help() string {
	return `Queues that exist stay as they are, but a queue without a redrive policy gets one. The
command can be repeated.

Examples:
  taskhawk provision dev-myapp
  taskhawk provision dev-myapp --priority default,high --tag team=mail`
}

// Run creates the queues.
func (c *Provision) Run(ctx context.Context, p *program.Program) error {
	if c.Application != "" {
		p.App = c.Application
	}
	app, err := p.NeedApp()
	if err != nil {
		return err
	}
	if p.Account != "" {
		return program.Usagef(
			"--account: SQS creates queues in the caller's account only; use a profile of that account")
	}
	client, err := p.SQS(ctx)
	if err != nil {
		return err
	}
	err = sqsx.Provision(ctx, client, app, sqsx.ProvisionConfig{
		Priorities: c.Priority, MaxReceiveCount: c.MaxReceiveCount, VisibilityTimeout: c.Visibility,
		Retention: c.Retention, Tags: c.Tag, Naming: p.Naming(),
	})
	if err != nil {
		return err
	}
	counts, err := sqsx.Count(ctx, client, app, sqsx.CountConfig{Priorities: c.Priority, Naming: p.Naming()})
	if err != nil {
		return err
	}
	for _, q := range counts {
		if p.JSON {
			if err := p.JSONLine(map[string]any{"queue": q.Queue, "dead_letters": q.DeadLetters}); err != nil {
				return err
			}
			continue
		}
		p.Printf("%s\n", q.Queue)
	}
	return nil
}

// Policy is the command `taskhawk policy`.
type Policy struct {
	Role     []string            `arg:""                                                          help:"publisher, worker, function, redrive, provision, check, schedule." predictor:"role"`
	Key      string              `help:"ARN of the KMS key that encrypts the queues."             placeholder:"ARN"`
	Firings  string              `help:"ARN of the queue for firings of schedules that fail."     placeholder:"ARN"`
	Priority []taskhawk.Priority `help:"Queues: high, default, low, bulk. Default: all."          placeholder:"PRIORITY" predictor:"priority"`
}

// Help has examples.
func (*Policy) Help() string {
	return `It calls no service. A worker whose handlers dispatch is a publisher too. The commands
need: queues and check the role check; send the role publisher; provision the role provision; dlq
the role redrive (dlq load the role worker, too); peek the role worker; purge the role check and
sqs:PurgeQueue.

Examples:
  taskhawk policy worker publisher --app dev-myapp --region us-east-1 --account 111122223333`
}

// Run prints the policy.
func (c *Policy) Run(ctx context.Context, p *program.Program) error {
	app, err := p.NeedApp()
	if err != nil {
		return err
	}
	region := p.Region
	if region == "" {
		if region, err = p.DefaultRegion(ctx); err != nil {
			return err
		}
	}
	if p.Account == "" {
		return program.Usagef("no account: give --account NUMBER")
	}
	config := sqscheck.PolicyConfig{
		Region: region, Account: p.Account, KeyARN: c.Key, FiringsARN: c.Firings,
		Priorities: c.Priority, Naming: p.Naming(),
	}
	for _, role := range c.Role {
		config.Roles = append(config.Roles, sqscheck.Role(strings.ToLower(role)))
	}
	policy, err := sqscheck.Policy(app, config)
	if err != nil {
		return program.Usagef("%w", err)
	}
	p.Printf("%s\n", policy)
	return nil
}
