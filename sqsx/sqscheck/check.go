package sqscheck

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/internal/nilcheck"
	"github.com/taskhawk/taskhawk-go/internal/sqsqueue"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// API is what [Check] needs of SQS: GetQueueUrl and GetQueueAttributes. *sqs.Client
// satisfies it.
type API interface {
	GetQueueUrl(context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error)
	GetQueueAttributes(
		context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options),
	) (*sqs.GetQueueAttributesOutput, error)
}

var _ API = (*sqs.Client)(nil)

// Config describes what the code does with the queues. The zero value is a worker with
// the zero sqsx.WorkerConfig.
type Config struct {
	// Worker is the configuration of the workers: Check uses its Account, Priorities,
	// Naming, VisibilityTimeout and Backoff.
	Worker sqsx.WorkerConfig
	// LongestTask is how long the slowest task may take, such as the largest
	// taskhawk.WithTimeout. Default 0: not known.
	LongestTask time.Duration
	// Tasks are the tasks that run here. Check compares their taskhawk.WithBackoff and
	// WithMaxAttempts with the queues. Default nil: not checked.
	Tasks []taskhawk.AnyTask
	// LambdaTimeout is the timeout of the Lambda function that receives from the queues.
	// Default 0: workers do.
	LambdaTimeout time.Duration
	// Mappings returns the event source mappings of a queue, for [Check] to examine.
	// Default nil: not checked.
	Mappings func(ctx context.Context, queueARN string) ([]EventSourceMapping, error)
	// PartialBatch is true if the handler of the function sets
	// lambdax.SQSConfig.PartialBatch. It is used with Mappings.
	PartialBatch bool
}

// Check compares the queues of an application with what the code needs of them. It finds
// missing queues, redrive policies that make dead letters too early, elsewhere or never,
// retention that drops messages before they are dead letters, visibility timeouts that do
// not fit, and more: see the Code constants. It only reads attributes, in two calls for
// each queue, and touches no message. Run it at deployment, or by hand.
//
// With Mappings it also looks at the event source mappings of Lambda, above all whether
// ReportBatchItemFailures fits the code. SQS does not say whether an SNS subscription
// delivers raw, nor what IAM allows, so neither is checked.
//
// A queue that the caller may not look at is a finding. Any other failure of a call is an
// error, which joins those of all queues; the report then has what was found besides.
func Check(ctx context.Context, api API, app string, config Config) (Report, error) {
	names, err := config.check(app)
	if err != nil {
		return Report{}, fmt.Errorf("sqscheck: %w", err)
	}
	if nilcheck.IsNil(api) {
		return Report{}, errors.New("sqscheck: nil API")
	}
	e := &examination{api: api, config: config, absent: map[string]bool{}}
	e.examineCode()
	var failed error
	for _, name := range names {
		if err := e.examine(ctx, name); err != nil {
			failed = alongside(failed, err)
		}
	}
	if len(e.absent) == len(names) && !e.othersExist(ctx, app) {
		none := Finding{
			Severity: SeverityError,
			Code:     CodeQueueMissing,
			Problem:  awsbatch.NoneExists("queue", app),
			Advice:   awsbatch.CheckName,
		}
		e.findings = slices.Insert(e.findings, 0, none)
	}
	slices.SortStableFunc(e.findings, func(a, b Finding) int { return int(b.Severity) - int(a.Severity) })
	report := Report{Findings: e.findings}
	if failed != nil {
		return report, fmt.Errorf("sqscheck: %w", failed)
	}
	return report, nil
}

// othersExist reports whether any queue of the application exists, or may exist, although
// none of the checked queues does.
func (e *examination) othersExist(ctx context.Context, app string) bool {
	names, err := queueNames(app, nil, e.config.Worker.Naming)
	if err != nil {
		return false // the Naming covers only some priorities
	}
	exists := sqsqueue.Which(ctx, e.api, e.config.Worker.Account, names, e.absent)
	return exists == nil || slices.Contains(slices.Collect(maps.Values(exists)), true)
}

// alongside joins errors on one line; errors.Join uses several.
func alongside(first, second error) error {
	if first == nil {
		return second
	}
	return fmt.Errorf("%w; %w", first, second)
}

// check fills in the defaults and returns the names of the queues, the most urgent
// priority first.
func (c *Config) check(app string) ([]string, error) {
	if slices.Contains(c.Tasks, nil) {
		return nil, errors.New("nil task in Tasks")
	}
	if c.LongestTask < 0 || c.LambdaTimeout < 0 {
		return nil, errors.New("negative LongestTask or LambdaTimeout")
	}
	if err := awsbatch.CheckAccount(c.Worker.Account); err != nil {
		return nil, err
	}
	if c.Worker.VisibilityTimeout == 0 {
		c.Worker.VisibilityTimeout = sqsx.DefaultVisibilityTimeout
	}
	if v := c.Worker.VisibilityTimeout; v < 0 || v > sqsx.MaxVisibility {
		return nil, fmt.Errorf("VisibilityTimeout %s: SQS takes up to %s", v, sqsx.MaxVisibility)
	}
	// SQS counts in whole seconds, and workers round up.
	c.Worker.VisibilityTimeout = (c.Worker.VisibilityTimeout + time.Second - 1).Truncate(time.Second)
	return queueNames(app, c.Worker.Priorities, c.Worker.Naming)
}

// queueNames returns the names of the queues, the most urgent priority first.
func queueNames(app string, priorities []taskhawk.Priority, naming sqsx.Naming) ([]string, error) {
	if naming == nil {
		naming = sqsx.QueueName
	}
	names, err := sqsqueue.Names(app, priorities, naming)
	if err != nil {
		return nil, err
	}
	return sqsqueue.InOrder(names), nil
}

// Severity is how bad a [Finding] is. Higher is worse.
type Severity uint8

// The severities.
const (
	// SeverityInfo is good to know.
	SeverityInfo Severity = iota
	// SeverityWarning works now and can fail later.
	SeverityWarning
	// SeverityError loses tasks, runs them twice or not at all.
	SeverityError
)

// String returns "info", "warning" or "error".
func (s Severity) String() string {
	switch s {
	case SeverityInfo:
		return "info"
	case SeverityWarning:
		return "warning"
	case SeverityError:
		return "error"
	}
	return fmt.Sprintf("Severity(%d)", uint8(s))
}

// MarshalText returns what String does.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is one result of [Check].
type Finding struct {
	// Severity is how bad it is.
	Severity Severity
	// Code is the kind of finding, for programs.
	Code Code
	// Queue is the name of the queue or dead-letter queue, or "" if the finding is about
	// the code alone.
	Queue string
	// Problem is what is wrong, and its consequence.
	Problem string
	// Advice is what to do about it; "" for nothing.
	Advice string
}

// Code is a kind of finding. The texts of codes do not change; codes may be added.
type Code string

// The codes of findings.
const (
	// CodeAccessDenied : the caller may not look at the queue.
	CodeAccessDenied Code = "access-denied"
	// CodeBatchSize : the batches of an event source mapping.
	CodeBatchSize Code = "batch-size"
	// CodeDeadLetterChain : the dead-letter queue has a redrive policy itself.
	CodeDeadLetterChain Code = "dead-letter-chain"
	// CodeDeadLetterRetention : the dead-letter queue does not keep messages longer than
	// the queue.
	CodeDeadLetterRetention Code = "dead-letter-retention"
	// CodeDeadLetters : there are dead letters.
	CodeDeadLetters Code = "dead-letters"
	// CodeDeduplication : a FIFO queue that deduplicates by id only.
	CodeDeduplication Code = "deduplication"
	// CodeDelay : the queue delays every message.
	CodeDelay Code = "delay"
	// CodeEncryption : no encryption, or one that needs permissions.
	CodeEncryption Code = "encryption"
	// CodeInFlight : near the limit of messages in flight.
	CodeInFlight Code = "in-flight"
	// CodeMapping : no event source mapping, one that is disabled, or several.
	CodeMapping Code = "mapping"
	// CodeMaximumConcurrency : how many functions an event source mapping runs at once.
	CodeMaximumConcurrency Code = "maximum-concurrency"
	// CodeMaxAttempts : a task asks for more attempts than the queue grants.
	CodeMaxAttempts Code = "max-attempts"
	// CodeMaxReceiveCount : too few receives make a dead letter.
	CodeMaxReceiveCount Code = "max-receive-count"
	// CodeMessageSize : the queue takes less than SQS can.
	CodeMessageSize Code = "message-size"
	// CodePartialBatch : ReportBatchItemFailures of an event source mapping does not fit
	// the code.
	CodePartialBatch Code = "partial-batch"
	// CodeQueueMissing : the queue or the dead-letter queue does not exist.
	CodeQueueMissing Code = "queue-missing"
	// CodeQueueType : there is a FIFO queue instead of a standard queue, or the other way
	// round.
	CodeQueueType Code = "queue-type"
	// CodeRedriveAllow : the dead-letter queue takes none from the queue.
	CodeRedriveAllow Code = "redrive-allow"
	// CodeRedrivePolicy : the queue has no redrive policy, or one to elsewhere.
	CodeRedrivePolicy Code = "redrive-policy"
	// CodeRetention : messages are dropped before their retries are over.
	CodeRetention Code = "retention"
	// CodeShortPoll : receives of other programs do not wait.
	CodeShortPoll Code = "short-poll"
	// CodeSNS : topics may send to the queue.
	CodeSNS Code = "sns"
	// CodeTaskTime : a task may take longer than it is given.
	CodeTaskTime Code = "task-time"
	// CodeUnreadable : an attribute is not the number that it should be.
	CodeUnreadable Code = "unreadable"
	// CodeVisibility : the visibility timeout of queue or worker.
	CodeVisibility Code = "visibility"
)

// String returns the finding on one line.
func (f Finding) String() string {
	text := fmt.Sprintf("%s %s: ", f.Severity, f.Code)
	if f.Queue != "" {
		text += f.Queue + " "
	}
	text += f.Problem
	if f.Advice != "" {
		text += "; " + f.Advice
	}
	return text
}

// Report is the result of [Check].
type Report struct {
	// Findings are sorted: the worst first, then by priority.
	Findings []Finding
}

// OK reports whether there is neither an error nor a warning.
func (r Report) OK() bool {
	return r.Count(SeverityError)+r.Count(SeverityWarning) == 0
}

// Count returns the number of findings of a severity.
func (r Report) Count(severity Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == severity {
			n++
		}
	}
	return n
}

// Of returns the findings of a code.
func (r Report) Of(code Code) []Finding {
	return slices.DeleteFunc(slices.Clone(r.Findings), func(f Finding) bool { return f.Code != code })
}

// String returns a line for each finding, and one with their counts.
func (r Report) String() string {
	var text strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintln(&text, f)
	}
	fmt.Fprintf(&text, "errors: %d, warnings: %d, infos: %d\n",
		r.Count(SeverityError), r.Count(SeverityWarning), r.Count(SeverityInfo))
	return text.String()
}

// examination collects the findings of one Check.
type examination struct {
	api      API
	config   Config
	findings []Finding
	absent   map[string]bool // false by name for missing queues, without dead-letter queues
}

// pair is a queue with its dead-letter queue.
type pair struct {
	name, deadLetters string
	// own and dead are their attributes, nil if they could not be read.
	own, dead sqsqueue.Attributes
	mappings  []EventSourceMapping
}

func (e *examination) add(severity Severity, code Code, queue, problem, advice string) {
	e.findings = append(
		e.findings,
		Finding{Severity: severity, Code: code, Queue: queue, Problem: problem, Advice: advice},
	)
}

// examine checks a queue and its dead-letter queue. It returns the error of failed calls.
func (e *examination) examine(ctx context.Context, name string) error {
	p := pair{name: name, deadLetters: sqsx.DeadLetterQueueName(name)}
	var err error
	if p.own, err = e.look(ctx, p.name); err != nil {
		return err
	}
	isMissing := func(f Finding) bool { return f.Code == CodeQueueMissing && f.Queue == p.name }
	if slices.ContainsFunc(e.findings, isMissing) {
		e.absent[p.name] = false
	}
	p.own = e.readable(p.name, p.own)
	if p.own != nil {
		if err := e.readMappings(ctx, &p); err != nil {
			return err
		}
		e.examineQueue(&p)
		e.examineRedrivePolicy(&p)
	}
	if p.dead, err = e.look(ctx, p.deadLetters); err != nil {
		return err
	}
	p.dead = e.readable(p.deadLetters, p.dead)
	if p.dead != nil {
		e.examineDeadLetters(&p)
	}
	if p.own != nil && p.dead != nil {
		e.examinePair(&p)
	}
	return nil
}

// readable returns the attributes. If one is not a number as it should be, it adds a
// finding and returns nil, since later findings would mislead.
func (e *examination) readable(name string, attributes sqsqueue.Attributes) sqsqueue.Attributes {
	bad := attributes.Unreadable()
	if len(bad) == 0 {
		return attributes
	}
	e.add(SeverityError, CodeUnreadable, name, "has attributes that are not whole numbers: "+strings.Join(bad, ", "),
		"look at what stands between this program and SQS, and set them anew")
	return nil
}

// look returns the attributes of a queue. If it cannot, it adds a finding and returns
// nil.
func (e *examination) look(ctx context.Context, name string) (sqsqueue.Attributes, error) {
	url, err := sqsqueue.LookUp(ctx, e.api, e.config.Worker.Account, name)
	if sqsqueue.IsMissing(err) {
		return nil, e.missing(ctx, name)
	}
	if err != nil {
		return nil, e.denied(err, name, "sqs:GetQueueUrl")
	}
	found, err := sqsqueue.Get(ctx, e.api, url, types.QueueAttributeNameAll)
	if err != nil {
		return nil, e.denied(err, name, "sqs:GetQueueAttributes")
	}
	return found, nil
}

// missing adds a finding for a missing queue, or for a queue of the other type.
func (e *examination) missing(ctx context.Context, name string) error {
	other, fifo := strings.CutSuffix(name, sqsqueue.FIFOSuffix)
	if !fifo {
		other += sqsqueue.FIFOSuffix
	}
	if len(other) <= sqsqueue.MaxName {
		if _, err := sqsqueue.LookUp(ctx, e.api, e.config.Worker.Account, other); err == nil {
			e.add(
				SeverityError,
				CodeQueueType,
				name,
				"does not exist, but "+other+" does: the code and the queue are of different types",
				"give publishers, workers and this check a Naming that returns the name of the queue that is meant",
			)
			return nil
		} else if !sqsqueue.IsMissing(err) && !sqsqueue.IsDenied(err) {
			return &sqsx.QueueError{Queue: other, Err: err}
		}
	}
	e.add(
		SeverityError,
		CodeQueueMissing,
		name,
		"does not exist in this account and region, or the caller lacks sqs:GetQueueUrl on it",
		"create it, for example with sqsx.Provision",
	)
	return nil
}

// denied adds a finding for an error about permissions, and returns any other error.
func (e *examination) denied(err error, name, permission string) error {
	if !sqsqueue.IsDenied(err) {
		return &sqsx.QueueError{Queue: name, Err: err}
	}
	e.add(SeverityWarning, CodeAccessDenied, name, "cannot be checked: the caller has no permission for "+permission,
		"allow it; sqscheck.Policy writes the policy for "+string(RoleCheck))
	return nil
}

// examineCode checks the code alone, without the queues.
func (e *examination) examineCode() {
	const shortest = awsbatch.CallTimeout
	if v := e.config.Worker.VisibilityTimeout; e.config.LambdaTimeout == 0 && v < shortest {
		e.add(SeverityWarning, CodeVisibility, "", fmt.Sprintf(
			"WorkerConfig.VisibilityTimeout is %s: a heartbeat that is as late loses the lease, "+
				"and the task runs twice",
			v,
		), fmt.Sprintf("set it to %s or more, the time that one call may take", shortest))
	}
	switch longest := e.config.LongestTask; {
	case longest > sqsx.MaxVisibility:
		e.add(SeverityError, CodeTaskTime, "", fmt.Sprintf(
			"a task may take %s: SQS keeps a message from others for %s at most, then the task runs again",
			longest,
			sqsx.MaxVisibility,
		),
			"split the task, or give it a timeout with taskhawk.WithTimeout")
	case e.config.LambdaTimeout > 0 && longest >= e.config.LambdaTimeout:
		e.add(SeverityError, CodeTaskTime, "", fmt.Sprintf(
			"a task may take %s, the Lambda function is stopped after %s", longest, e.config.LambdaTimeout),
			"raise the timeout of the function, up to 15 minutes, or run such tasks on a worker")
	}
}
