package sqscheck_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqscheck"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// checked is a way to set up the default queue, and what Check must say of it.
type checked struct {
	queue, dead []string // attributes to set, name, value, name, value
	config      sqscheck.Config
	severity    sqscheck.Severity
	code        sqscheck.Code
	on          string // the queue of the finding
	problem     string
	fine        bool // nothing of that code is to be found
}

func (c checked) run(t *testing.T) {
	t.Helper()
	inEnv(t, func(e *env) {
		if c.queue != nil {
			e.set(queueOf(taskhawk.Default), c.queue...)
		}
		if c.dead != nil {
			e.set(deadLettersOf(taskhawk.Default), c.dead...)
		}
		report := e.check(c.config)
		found := report.Of(c.code)
		if c.fine {
			require.Empty(e, found)
			return
		}
		require.Len(e, found, 1, "%s in:\n%s", c.code, report)
		require.Equal(e, c.severity, found[0].Severity, "%s", found[0])
		require.Equal(e, c.on, found[0].Queue)
		require.Contains(e, found[0].Problem, c.problem)
		require.Equal(e, c.severity == sqscheck.SeverityInfo, report.OK(), "%s", report)
		if c.severity != sqscheck.SeverityInfo {
			require.NotEmpty(e, found[0].Advice)
		}
	})
}

func eachChecked(t *testing.T, cases map[string]checked) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.run(t)
		})
	}
}

// policyTo is a redrive policy.
func policyTo(queue string, receives int) []string {
	return []string{"RedrivePolicy", `{"deadLetterTargetArn":"` + arnPrefix + queue + `","maxReceiveCount":"` + strconv.Itoa(receives) + `"}`}
}

func TestCheckOfProvisionedQueues(t *testing.T) {
	t.Parallel()
	inEnv(t, func(e *env) {
		report, err := sqscheck.Check(e.Context(), e.client, app, sqscheck.Config{})
		require.NoError(e, err)
		require.True(e, report.OK(), "%s", report)
		require.Empty(e, report.Findings)
		require.Equal(e, 16, e.server.TotalRequests(), "two for each queue")
	})
}

func TestCheckRedrivePolicy(t *testing.T) {
	t.Parallel()
	const code = sqscheck.CodeRedrivePolicy
	eachChecked(t, map[string]checked{
		"none":      {queue: []string{"RedrivePolicy", ""}, severity: sqscheck.SeverityError, code: code, on: ownQueue, problem: "no redrive policy"},
		"elsewhere": {queue: policyTo("TASKHAWK-DEV-MYAPP-BULK-DLQ", 5), severity: sqscheck.SeverityWarning, code: code, on: ownQueue, problem: "to TASKHAWK-DEV-MYAPP-BULK-DLQ"},
		"its own":   {queue: policyTo(deadOnes, 5), code: code, fine: true},
	})
}

func TestCheckMaxReceiveCount(t *testing.T) {
	t.Parallel()
	const code = sqscheck.CodeMaxReceiveCount
	lambda := sqscheck.Config{LambdaTimeout: 5 * time.Second}
	eachChecked(t, map[string]checked{
		"1":             {queue: policyTo(deadOnes, 1), severity: sqscheck.SeverityError, code: code, on: ownQueue, problem: "every crash"},
		"2":             {queue: policyTo(deadOnes, 2), severity: sqscheck.SeverityWarning, code: code, on: ownQueue, problem: "of 2"},
		"3":             {queue: policyTo(deadOnes, 3), code: code, fine: true},
		"4 with Lambda": {queue: policyTo(deadOnes, 4), config: lambda, severity: sqscheck.SeverityWarning, code: code, on: ownQueue, problem: "Lambda throttles"},
		"5 with Lambda": {queue: policyTo(deadOnes, 5), config: lambda, code: code, fine: true},
	})
}

func TestCheckMaxAttempts(t *testing.T) {
	t.Parallel()
	const code = sqscheck.CodeMaxAttempts
	tasks := func(n int) sqscheck.Config {
		return sqscheck.Config{
			Tasks:  []taskhawk.AnyTask{taskhawk.New[struct{}]("tasks.a", nil), taskhawk.New[struct{}]("tasks.b", nil, taskhawk.WithMaxAttempts(n))},
			Worker: sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Default}},
		}
	}
	eachChecked(t, map[string]checked{
		"more":     {queue: policyTo(deadOnes, 5), config: tasks(6), severity: sqscheck.SeverityWarning, code: code, on: ownQueue, problem: "less than the 6 of WithMaxAttempts of tasks.b"},
		"as many":  {queue: policyTo(deadOnes, 5), config: tasks(5), code: code, fine: true},
		"no tasks": {queue: policyTo(deadOnes, 5), code: code, fine: true},
	})
}

func TestCheckRetention(t *testing.T) {
	t.Parallel()
	const code = sqscheck.CodeRetention
	constant := func(d time.Duration) sqscheck.Config {
		return sqscheck.Config{Worker: sqsx.WorkerConfig{Backoff: func(int) time.Duration { return d }}}
	}
	eachChecked(t, map[string]checked{
		"shorter than the default backoff": {
			queue: []string{"MessageRetentionPeriod", "155"}, severity: sqscheck.SeverityError, code: code, on: ownQueue,
			problem: "keeps messages for 2m35s, the backoff between 5 receives adds up to 2m35s",
		},
		"longer":          {queue: []string{"MessageRetentionPeriod", "156"}, code: code, fine: true},
		"many receives":   {queue: policyTo(deadOnes, 1000), severity: sqscheck.SeverityError, code: code, on: ownQueue, problem: "1000 receives adds up to 248h"},
		"another backoff": {config: constant(24 * time.Hour), code: code, fine: true}, // 5 times the longest visibility timeout
		"a task's backoff of an hour": {
			queue: []string{"MessageRetentionPeriod", "18000"}, severity: sqscheck.SeverityError, code: code, on: ownQueue,
			config: sqscheck.Config{Tasks: []taskhawk.AnyTask{
				taskhawk.New[struct{}]("tasks.a", nil, taskhawk.WithBackoff(func(int) time.Duration { return time.Hour })),
			}},
			problem: "adds up to 5h0m0s",
		},
		"a backoff of an hour": {
			queue: []string{"MessageRetentionPeriod", "18000"}, config: constant(time.Hour), severity: sqscheck.SeverityError, code: code, on: ownQueue,
			problem: "adds up to 5h0m0s",
		},
	})
}

func TestCheckDeadLetterRetention(t *testing.T) {
	t.Parallel()
	const code = sqscheck.CodeDeadLetterRetention
	eachChecked(t, map[string]checked{
		"shorter": {dead: []string{"MessageRetentionPeriod", "3600"}, severity: sqscheck.SeverityError, code: code, on: deadOnes, problem: "for 1h0m0s, the queue for 96h0m0s"},
		"equal":   {dead: []string{"MessageRetentionPeriod", "345600"}, severity: sqscheck.SeverityWarning, code: code, on: deadOnes, problem: "dropped early"},
		"longer":  {dead: []string{"MessageRetentionPeriod", "345601"}, code: code, fine: true},
		"no longer one is possible": {
			queue: []string{"MessageRetentionPeriod", "1209600"}, severity: sqscheck.SeverityWarning, code: code, on: deadOnes, problem: "336h0m0s",
		},
	})
}

func TestCheckVisibility(t *testing.T) {
	t.Parallel()
	const code = sqscheck.CodeVisibility
	seconds := func(n string) []string { return []string{"VisibilityTimeout", n} }
	lambda := sqscheck.Config{LambdaTimeout: time.Minute}
	eachChecked(t, map[string]checked{
		"other than the worker's": {queue: seconds("300"), severity: sqscheck.SeverityInfo, code: code, on: ownQueue, problem: "workers ask for 30s"},
		"as the worker's":         {queue: seconds("300"), config: sqscheck.Config{Worker: sqsx.WorkerConfig{VisibilityTimeout: 5 * time.Minute}}, code: code, fine: true},
		"none":                    {queue: seconds("0"), severity: sqscheck.SeverityWarning, code: code, on: ownQueue, problem: "all get the same messages"},
		"a worker's, too short": {
			queue: seconds("9"), config: sqscheck.Config{Worker: sqsx.WorkerConfig{VisibilityTimeout: 9 * time.Second}},
			severity: sqscheck.SeverityWarning, code: code, on: "", problem: "VisibilityTimeout is 9s",
		},
		"shorter than the function": {queue: seconds("59"), config: lambda, severity: sqscheck.SeverityError, code: code, on: ownQueue, problem: "shorter than the 1m0s"},
		"not six times as long":     {queue: seconds("359"), config: lambda, severity: sqscheck.SeverityWarning, code: code, on: ownQueue, problem: "of 5m59s"},
		"six times as long":         {queue: seconds("360"), config: lambda, code: code, fine: true},
	})
}

func TestCheckTaskTime(t *testing.T) {
	t.Parallel()
	const code = sqscheck.CodeTaskTime
	eachChecked(t, map[string]checked{
		"beyond SQS":                  {config: sqscheck.Config{LongestTask: 13 * time.Hour}, severity: sqscheck.SeverityError, code: code, problem: "13h0m0s"},
		"just as long as SQS lets it": {config: sqscheck.Config{LongestTask: 12 * time.Hour}, code: code, fine: true},
		"beyond the function": {
			queue:  []string{"VisibilityTimeout", "360"},
			config: sqscheck.Config{LongestTask: time.Minute, LambdaTimeout: time.Minute}, severity: sqscheck.SeverityError, code: code, problem: "stopped after 1m0s",
		},
	})
}

func TestCheckOtherSettings(t *testing.T) {
	t.Parallel()
	const sns = `{"Statement":[{"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"*"}]}`
	chain := policyTo("TASKHAWK-DEV-MYAPP-BULK-DLQ", 5)
	denyOther := `{"redrivePermission":"byQueue","sourceQueueArns":["` + arnPrefix + `OTHER"]}`
	allowOwn := `{"redrivePermission":"byQueue","sourceQueueArns":["` + arnPrefix + ownQueue + `"]}`
	size := strconv.Itoa(256 << 10)
	key := []string{"KmsMasterKeyId", "alias/queues", "SqsManagedSseEnabled", "false"}
	eachChecked(t, map[string]checked{
		"delay": {queue: []string{"DelaySeconds", "5"}, severity: sqscheck.SeverityWarning, code: sqscheck.CodeDelay, on: ownQueue, problem: "by 5s"},
		"size": {
			queue: []string{"MaximumMessageSize", size}, dead: []string{"MaximumMessageSize", size},
			severity: sqscheck.SeverityWarning, code: sqscheck.CodeMessageSize, on: ownQueue, problem: "262144 bytes",
		},
		"size of dead letters": {dead: []string{"MaximumMessageSize", size}, severity: sqscheck.SeverityWarning, code: sqscheck.CodeMessageSize, on: deadOnes, problem: "taskhawk.Permanent fails"},
		"SNS":                  {queue: []string{"Policy", sns}, severity: sqscheck.SeverityInfo, code: sqscheck.CodeSNS, on: ownQueue, problem: "SNS"},
		"short polls": {
			queue: []string{"ReceiveMessageWaitTimeSeconds", "0"}, severity: sqscheck.SeverityInfo,
			code: sqscheck.CodeShortPoll, on: ownQueue, problem: "ReceiveMessageWaitTimeSeconds of 0",
		},
		"no encryption": {
			queue: []string{"SqsManagedSseEnabled", "false"}, dead: []string{"SqsManagedSseEnabled", "false"},
			severity: sqscheck.SeverityInfo, code: sqscheck.CodeEncryption, on: ownQueue, problem: "not encrypted",
		},
		"no encryption of dead letters": {dead: []string{"SqsManagedSseEnabled", "false"}, severity: sqscheck.SeverityWarning, code: sqscheck.CodeEncryption, on: deadOnes, problem: "its queue is"},
		"a key":                         {queue: key, dead: key, severity: sqscheck.SeverityInfo, code: sqscheck.CodeEncryption, on: ownQueue, problem: "alias/queues: publishers and workers need kms:GenerateDataKey"},
		"the encryption of SQS":         {code: sqscheck.CodeEncryption, fine: true},
		"a chain of dead letters":       {dead: chain, severity: sqscheck.SeverityWarning, code: sqscheck.CodeDeadLetterChain, on: deadOnes, problem: "redrive policy itself"},
		"all denied":                    {dead: []string{"RedriveAllowPolicy", `{"redrivePermission":"denyAll"}`}, severity: sqscheck.SeverityError, code: sqscheck.CodeRedriveAllow, on: deadOnes, problem: "from TASKHAWK-DEV-MYAPP by"},
		"others allowed":                {dead: []string{"RedriveAllowPolicy", denyOther}, severity: sqscheck.SeverityError, code: sqscheck.CodeRedriveAllow, on: deadOnes, problem: "from TASKHAWK-DEV-MYAPP by"},
		"this one allowed":              {dead: []string{"RedriveAllowPolicy", allowOwn}, code: sqscheck.CodeRedriveAllow, fine: true},
		"all allowed":                   {dead: []string{"RedriveAllowPolicy", `{"redrivePermission":"allowAll"}`}, code: sqscheck.CodeRedriveAllow, fine: true},
	})
}

func TestCheckCountsDeadLetters(t *testing.T) {
	t.Parallel()
	inEnv(t, func(e *env) {
		e.send(deadOnes, 7)
		out, err := e.client.ReceiveMessage(e.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: e.url(deadOnes), MaxNumberOfMessages: 10,
		})
		require.NoError(e, err)
		require.Len(e, out.Messages, 7)
		e.send(deadOnes, 3)
		e.server.ResetCounts()
		found := e.check(sqscheck.Config{}).Of(sqscheck.CodeDeadLetters)
		require.Len(e, found, 1)
		require.Equal(e, sqscheck.SeverityInfo, found[0].Severity)
		require.Equal(e, "has about 10 dead letters, 7 of them in flight", found[0].Problem)
		require.Zero(e, e.server.Requests(sqstest.OpReceiveMessage))
		require.Equal(e, 4, e.server.TotalRequests())
		require.NotContains(e, found[0].String(), "\n")
	})
}

// oddAttributes is an SQS whose answers have an attribute that SQS never writes.
type oddAttributes struct {
	sqscheck.API

	name, value string
}

func (o oddAttributes) GetQueueAttributes(
	ctx context.Context, in *sqs.GetQueueAttributesInput, options ...func(*sqs.Options),
) (*sqs.GetQueueAttributesOutput, error) {
	out, err := o.API.GetQueueAttributes(ctx, in, options...)
	if err == nil && out.Attributes[o.name] != "" {
		out.Attributes[o.name] = o.value
	}
	return out, err
}

func TestCheckReadsNumbersStrictly(t *testing.T) {
	t.Parallel()
	inEnv(t, func(e *env) {
		for _, value := range []string{"x", " 5", "5 ", "-1", "+5", "9223372036854775808", "1e3", "0x10"} {
			report, err := sqscheck.Check(e.Context(), oddAttributes{e.client, "VisibilityTimeout", value}, app, sqscheck.Config{})
			require.NoError(e, err)
			require.NotEmpty(e, report.Of(sqscheck.CodeUnreadable), value)
			require.Empty(e, report.Of(sqscheck.CodeVisibility), "nothing is concluded from it")
			require.False(e, report.OK())
		}
		for _, count := range []string{"-5", "0", `"x"`, "1.5"} {
			policy := `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:x","maxReceiveCount":` + count + `}`
			report, err := sqscheck.Check(e.Context(), oddAttributes{e.client, "RedrivePolicy", policy}, app, sqscheck.Config{})
			require.NoError(e, err)
			found := report.Of(sqscheck.CodeRedrivePolicy)
			require.NotEmpty(e, found, count)
			require.Equal(e, sqscheck.SeverityError, found[0].Severity)
		}
	})
}
