package sqsx_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// set sets attributes of a queue, given as name, value, name, value.
func (g *graveyard) set(queue string, pairs ...string) {
	g.Helper()
	attributes := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		attributes[pairs[i]] = pairs[i+1]
	}
	_, err := g.client.SetQueueAttributes(g.Context(), &sqs.SetQueueAttributesInput{
		QueueUrl: aws.String(g.url(queue)), Attributes: attributes,
	})
	require.NoError(g, err)
}

func (g *graveyard) check(config sqsx.CheckConfig) sqsx.CheckReport {
	g.Helper()
	if config.Worker.Priorities == nil {
		config.Worker.Priorities = []taskhawk.Priority{taskhawk.Default}
	}
	report, err := sqsx.Check(g.Context(), g.client, app, config)
	require.NoError(g, err)
	return report
}

// checked is a way to set up the default queue, and what Check must say of it.
type checked struct {
	queue, dead []string // attributes to set, name, value, name, value
	config      sqsx.CheckConfig
	severity    sqsx.Severity
	code        string
	on          string // the queue of the finding
	problem     string
	fine        bool // nothing of that code is to be found
}

func (c checked) run(t *testing.T) {
	t.Helper()
	inGraveyard(t, func(g *graveyard) {
		if c.queue != nil {
			g.set(queueOf(taskhawk.Default), c.queue...)
		}
		if c.dead != nil {
			g.set(deadLettersOf(taskhawk.Default), c.dead...)
		}
		report := g.check(c.config)
		found := report.Of(c.code)
		if c.fine {
			require.Empty(g, found)
			return
		}
		require.Len(g, found, 1, "%s in:\n%s", c.code, report)
		require.Equal(g, c.severity, found[0].Severity, "%s", found[0])
		require.Equal(g, c.on, found[0].Queue)
		require.Contains(g, found[0].Problem, c.problem)
		require.Equal(g, c.severity == sqsx.SeverityInfo, report.OK(), "%s", report)
		if c.severity != sqsx.SeverityInfo {
			require.NotEmpty(g, found[0].Advice)
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

const (
	ownQueue = "TASKHAWK-DEV-MYAPP"
	deadOnes = "TASKHAWK-DEV-MYAPP-DLQ"
)

// policyTo is a redrive policy.
func policyTo(queue string, receives int) []string {
	return []string{"RedrivePolicy", `{"deadLetterTargetArn":"` + arnPrefix + queue + `","maxReceiveCount":"` + strconv.Itoa(receives) + `"}`}
}

func TestCheckOfProvisionedQueues(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		report, err := sqsx.Check(g.Context(), g.client, app, sqsx.CheckConfig{})
		require.NoError(g, err)
		require.True(g, report.OK(), "%s", report)
		require.Len(g, report.Findings, 4)
		require.Len(g, report.Of(sqsx.CodeShortPoll), 4)
		require.Equal(g, queueOf(taskhawk.High), report.Findings[0].Queue, "the most urgent first")
		require.Equal(g, 16, g.server.TotalRequests(), "two for each queue")
	})
}

func TestCheckRedrivePolicy(t *testing.T) {
	t.Parallel()
	const code = sqsx.CodeRedrivePolicy
	eachChecked(t, map[string]checked{
		"none":      {queue: []string{"RedrivePolicy", ""}, severity: sqsx.SeverityError, code: code, on: ownQueue, problem: "no redrive policy"},
		"elsewhere": {queue: policyTo("TASKHAWK-DEV-MYAPP-BULK-DLQ", 5), severity: sqsx.SeverityWarning, code: code, on: ownQueue, problem: "to TASKHAWK-DEV-MYAPP-BULK-DLQ"},
		"its own":   {queue: policyTo(deadOnes, 5), code: code, fine: true},
	})
}

func TestCheckMaxReceiveCount(t *testing.T) {
	t.Parallel()
	const code = sqsx.CodeMaxReceiveCount
	lambda := sqsx.CheckConfig{LambdaTimeout: 5 * time.Second}
	eachChecked(t, map[string]checked{
		"1":             {queue: policyTo(deadOnes, 1), severity: sqsx.SeverityError, code: code, on: ownQueue, problem: "every crash"},
		"2":             {queue: policyTo(deadOnes, 2), severity: sqsx.SeverityWarning, code: code, on: ownQueue, problem: "of 2"},
		"3":             {queue: policyTo(deadOnes, 3), code: code, fine: true},
		"4 with Lambda": {queue: policyTo(deadOnes, 4), config: lambda, severity: sqsx.SeverityWarning, code: code, on: ownQueue, problem: "Lambda throttles"},
		"5 with Lambda": {queue: policyTo(deadOnes, 5), config: lambda, code: code, fine: true},
	})
}

func TestCheckRetention(t *testing.T) {
	t.Parallel()
	const code = sqsx.CodeRetention
	constant := func(d time.Duration) sqsx.CheckConfig {
		return sqsx.CheckConfig{Worker: sqsx.WorkerConfig{Backoff: func(int) time.Duration { return d }}}
	}
	eachChecked(t, map[string]checked{
		"shorter than the default backoff": {
			queue: []string{"MessageRetentionPeriod", "155"}, severity: sqsx.SeverityError, code: code, on: ownQueue,
			problem: "keeps messages for 2m35s, the backoff between 5 receives adds up to 2m35s",
		},
		"longer":               {queue: []string{"MessageRetentionPeriod", "156"}, code: code, fine: true},
		"many receives":        {queue: policyTo(deadOnes, 1000), severity: sqsx.SeverityError, code: code, on: ownQueue, problem: "1000 receives adds up to 248h"},
		"a backoff of its own": {config: constant(24 * time.Hour), code: code, fine: true}, // 5 times the longest visibility timeout
		"a backoff of an hour": {
			queue: []string{"MessageRetentionPeriod", "18000"}, config: constant(time.Hour), severity: sqsx.SeverityError, code: code, on: ownQueue,
			problem: "adds up to 5h0m0s",
		},
	})
}

func TestCheckDeadLetterRetention(t *testing.T) {
	t.Parallel()
	const code = sqsx.CodeDeadLetterRetention
	eachChecked(t, map[string]checked{
		"shorter": {dead: []string{"MessageRetentionPeriod", "3600"}, severity: sqsx.SeverityError, code: code, on: deadOnes, problem: "for 1h0m0s, the queue for 96h0m0s"},
		"equal":   {dead: []string{"MessageRetentionPeriod", "345600"}, severity: sqsx.SeverityWarning, code: code, on: deadOnes, problem: "dropped early"},
		"longer":  {dead: []string{"MessageRetentionPeriod", "345601"}, code: code, fine: true},
		"no longer one is possible": {
			queue: []string{"MessageRetentionPeriod", "1209600"}, severity: sqsx.SeverityWarning, code: code, on: deadOnes, problem: "336h0m0s",
		},
	})
}

func TestCheckVisibility(t *testing.T) {
	t.Parallel()
	const code = sqsx.CodeVisibility
	seconds := func(n string) []string { return []string{"VisibilityTimeout", n} }
	lambda := sqsx.CheckConfig{LambdaTimeout: time.Minute}
	eachChecked(t, map[string]checked{
		"other than the worker's": {queue: seconds("300"), severity: sqsx.SeverityInfo, code: code, on: ownQueue, problem: "workers ask for 30s"},
		"as the worker's":         {queue: seconds("300"), config: sqsx.CheckConfig{Worker: sqsx.WorkerConfig{VisibilityTimeout: 5 * time.Minute}}, code: code, fine: true},
		"none":                    {queue: seconds("0"), severity: sqsx.SeverityWarning, code: code, on: ownQueue, problem: "all get the same messages"},
		"a worker's, too short": {
			queue: seconds("9"), config: sqsx.CheckConfig{Worker: sqsx.WorkerConfig{VisibilityTimeout: 9 * time.Second}},
			severity: sqsx.SeverityWarning, code: code, on: "", problem: "VisibilityTimeout is 9s",
		},
		"shorter than the function": {queue: seconds("59"), config: lambda, severity: sqsx.SeverityError, code: code, on: ownQueue, problem: "shorter than the 1m0s"},
		"not six times as long":     {queue: seconds("359"), config: lambda, severity: sqsx.SeverityWarning, code: code, on: ownQueue, problem: "of 5m59s"},
		"six times as long":         {queue: seconds("360"), config: lambda, code: code, fine: true},
	})
}

func TestCheckTaskTime(t *testing.T) {
	t.Parallel()
	const code = sqsx.CodeTaskTime
	eachChecked(t, map[string]checked{
		"beyond SQS":                  {config: sqsx.CheckConfig{LongestTask: 13 * time.Hour}, severity: sqsx.SeverityError, code: code, problem: "13h0m0s"},
		"just as long as SQS lets it": {config: sqsx.CheckConfig{LongestTask: 12 * time.Hour}, code: code, fine: true},
		"beyond the function": {
			queue:  []string{"VisibilityTimeout", "360"},
			config: sqsx.CheckConfig{LongestTask: time.Minute, LambdaTimeout: time.Minute}, severity: sqsx.SeverityError, code: code, problem: "stopped after 1m0s",
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
		"delay": {queue: []string{"DelaySeconds", "5"}, severity: sqsx.SeverityWarning, code: sqsx.CodeDelay, on: ownQueue, problem: "by 5s"},
		"size": {
			queue: []string{"MaximumMessageSize", size}, dead: []string{"MaximumMessageSize", size},
			severity: sqsx.SeverityWarning, code: sqsx.CodeMessageSize, on: ownQueue, problem: "262144 bytes",
		},
		"size of dead letters": {dead: []string{"MaximumMessageSize", size}, severity: sqsx.SeverityWarning, code: sqsx.CodeMessageSize, on: deadOnes, problem: "taskhawk.Permanent fails"},
		"SNS":                  {queue: []string{"Policy", sns}, severity: sqsx.SeverityInfo, code: sqsx.CodeSNS, on: ownQueue, problem: "SNS"},
		"long polls":           {queue: []string{"ReceiveMessageWaitTimeSeconds", "20"}, code: sqsx.CodeShortPoll, fine: true},
		"no encryption": {
			queue: []string{"SqsManagedSseEnabled", "false"}, dead: []string{"SqsManagedSseEnabled", "false"},
			severity: sqsx.SeverityInfo, code: sqsx.CodeEncryption, on: ownQueue, problem: "not encrypted",
		},
		"no encryption of dead letters": {dead: []string{"SqsManagedSseEnabled", "false"}, severity: sqsx.SeverityWarning, code: sqsx.CodeEncryption, on: deadOnes, problem: "its queue is"},
		"a key":                         {queue: key, dead: key, severity: sqsx.SeverityInfo, code: sqsx.CodeEncryption, on: ownQueue, problem: "alias/queues: publishers and workers need kms:GenerateDataKey"},
		"the encryption of SQS":         {code: sqsx.CodeEncryption, fine: true},
		"a chain of dead letters":       {dead: chain, severity: sqsx.SeverityWarning, code: sqsx.CodeDeadLetterChain, on: deadOnes, problem: "redrive policy itself"},
		"all denied":                    {dead: []string{"RedriveAllowPolicy", `{"redrivePermission":"denyAll"}`}, severity: sqsx.SeverityError, code: sqsx.CodeRedriveAllow, on: deadOnes, problem: "from TASKHAWK-DEV-MYAPP by"},
		"others allowed":                {dead: []string{"RedriveAllowPolicy", denyOther}, severity: sqsx.SeverityError, code: sqsx.CodeRedriveAllow, on: deadOnes, problem: "from TASKHAWK-DEV-MYAPP by"},
		"this one allowed":              {dead: []string{"RedriveAllowPolicy", allowOwn}, code: sqsx.CodeRedriveAllow, fine: true},
		"all allowed":                   {dead: []string{"RedriveAllowPolicy", `{"redrivePermission":"allowAll"}`}, code: sqsx.CodeRedriveAllow, fine: true},
	})
}

func TestCheckCountsDeadLetters(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryMany(7)
		require.Len(g, g.receiveAll(deadOnes), 7)
		g.buryMany(3)
		g.server.ResetCounts()
		found := g.check(sqsx.CheckConfig{}).Of(sqsx.CodeDeadLetters)
		require.Len(g, found, 1)
		require.Equal(g, sqsx.SeverityInfo, found[0].Severity)
		require.Equal(g, "has about 10 dead letters, 7 of them in flight", found[0].Problem)
		require.Zero(g, g.server.Requests(sqstest.OpReceiveMessage))
		require.Equal(g, 4, g.server.TotalRequests())
		require.NotContains(g, found[0].String(), "\n")
	})
}
