package sqsx_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// mapped is a configuration of Check that is told of these mappings, whatever the queue.
func mapped(mappings ...sqsx.EventSourceMapping) sqsx.CheckConfig {
	return sqsx.CheckConfig{
		Mappings: func(context.Context, string) ([]sqsx.EventSourceMapping, error) { return mappings, nil },
	}
}

// fit is a mapping with which nothing is wrong on a queue whose visibility timeout is a minute.
func fit(change ...func(*sqsx.EventSourceMapping)) sqsx.EventSourceMapping {
	m := sqsx.EventSourceMapping{Function: "mails", FunctionTimeout: 10 * time.Second, MaximumConcurrency: 20}
	for _, c := range change {
		c(&m)
	}
	return m
}

func reporting(m *sqsx.EventSourceMapping) { m.ReportBatchItemFailures = true }

func batches(size int, window time.Duration) func(*sqsx.EventSourceMapping) {
	return func(m *sqsx.EventSourceMapping) { m.BatchSize, m.Window = size, window }
}

func concurrency(n int) func(*sqsx.EventSourceMapping) {
	return func(m *sqsx.EventSourceMapping) { m.MaximumConcurrency = n }
}

// partial says that the code reports parts of batches.
func partial(config sqsx.CheckConfig) sqsx.CheckConfig {
	config.PartialBatch = true
	return config
}

func TestCheckOfAMappingThatFits(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.set(ownQueue, "VisibilityTimeout", "60")
		config := partial(mapped(fit(reporting)))
		config.LongestTask = 900 * time.Millisecond
		report := g.check(config)
		require.True(g, report.OK(), "%s", report)
		require.Len(g, report.Findings, 1, "%s", report)
		require.Equal(g, sqsx.CodeShortPoll, report.Findings[0].Code)
	})
}

func TestCheckPartialBatch(t *testing.T) {
	t.Parallel()
	const code = sqsx.CodePartialBatch
	minute := []string{"VisibilityTimeout", "60"}
	eachChecked(t, map[string]checked{
		"the code alone": {
			queue: minute, config: partial(mapped(fit())), severity: sqsx.SeverityError, code: code, on: ownQueue,
			problem: "is fed to mails without ReportBatchItemFailures, and its handler has lambdax.WithPartialBatch: Lambda deletes what failed",
		},
		"the mapping alone": {queue: minute, config: mapped(fit(reporting)), severity: sqsx.SeverityInfo, code: code, on: ownQueue, problem: "runs the whole batch again"},
		"both":              {config: partial(mapped(fit(reporting))), code: code, fine: true},
		"neither":           {config: mapped(fit()), code: code, fine: true},
		"nobody to ask":     {config: sqsx.CheckConfig{PartialBatch: true}, code: code, fine: true},
	})
}

func TestCheckMapping(t *testing.T) {
	t.Parallel()
	const code = sqsx.CodeMapping
	minute := []string{"VisibilityTimeout", "60"}
	off := fit(func(m *sqsx.EventSourceMapping) { m.Disabled = true })
	other := fit(func(m *sqsx.EventSourceMapping) { m.Function = "a\nb" })
	eachChecked(t, map[string]checked{
		"none":            {config: mapped(), severity: sqsx.SeverityWarning, code: code, on: ownQueue, problem: "no event source mapping"},
		"one":             {config: mapped(fit()), code: code, fine: true},
		"one is off":      {queue: minute, config: mapped(off), severity: sqsx.SeverityWarning, code: code, on: ownQueue, problem: "disabled event source mapping to mails"},
		"two":             {queue: minute, config: mapped(fit(), other), severity: sqsx.SeverityWarning, code: code, on: ownQueue, problem: `is fed to "a\nb" and mails`},
		"one off, one on": {queue: minute, config: mapped(fit(), off), severity: sqsx.SeverityWarning, code: code, on: ownQueue, problem: "disabled"},
	})
}

func TestCheckBatchSize(t *testing.T) {
	t.Parallel()
	const code = sqsx.CodeBatchSize
	bad := func(problem string, change func(*sqsx.EventSourceMapping)) checked {
		return checked{config: mapped(fit(change)), severity: sqsx.SeverityError, code: code, on: ownQueue, problem: problem}
	}
	eachChecked(t, map[string]checked{
		"11 without a window":      bad("in batches of 11 without a window: Lambda refuses", batches(11, 0)),
		"11 in less than a second": bad("of 11 without a window", batches(11, 999*time.Millisecond)),
		"too many":                 bad("of 10001", batches(10_001, time.Second)),
		"less than one":            bad("of -1", batches(-1, 0)),
		"the most":                 {config: mapped(fit(batches(10_000, time.Second))), code: code, fine: true},
		"10 without a window":      {config: mapped(fit(batches(10, 0))), code: code, fine: true},
	})
}

func TestCheckMaximumConcurrency(t *testing.T) {
	t.Parallel()
	const code = sqsx.CodeMaximumConcurrency
	minute := []string{"VisibilityTimeout", "60"}
	at := func(n int) sqsx.CheckConfig { return mapped(fit(concurrency(n))) }
	eachChecked(t, map[string]checked{
		"none": {queue: minute, config: at(0), severity: sqsx.SeverityInfo, code: code, on: ownQueue, problem: "takes all that the account has"},
		"1":    {queue: minute, config: at(1), severity: sqsx.SeverityError, code: code, on: ownQueue, problem: "of 1: Lambda refuses"},
		"1001": {queue: minute, config: at(1001), severity: sqsx.SeverityError, code: code, on: ownQueue, problem: "of 1001"},
		"2":    {config: at(2), code: code, fine: true},
		"1000": {config: at(1000), code: code, fine: true},
	})
}

// The timeout of the function counts as LambdaTimeout does.
func TestCheckTimeoutOfMappedFunctions(t *testing.T) {
	t.Parallel()
	seconds := func(n string) []string { return []string{"VisibilityTimeout", n} }
	taking := func(d time.Duration) sqsx.CheckConfig {
		config := mapped(fit())
		config.LongestTask = d
		return config
	}
	windowed := mapped(fit(batches(100, 20*time.Second)))
	eachChecked(t, map[string]checked{
		"visibility below the timeout": {queue: seconds("9"), config: mapped(fit()), severity: sqsx.SeverityError, code: sqsx.CodeVisibility, on: ownQueue, problem: "shorter than the 10s of the Lambda function"},
		"visibility below 6 of them":   {queue: seconds("59"), config: mapped(fit()), severity: sqsx.SeverityWarning, code: sqsx.CodeVisibility, on: ownQueue, problem: "of 59s"},
		"visibility without window":    {queue: seconds("79"), config: windowed, severity: sqsx.SeverityWarning, code: sqsx.CodeVisibility, on: ownQueue, problem: "of 1m19s"},
		"visibility with window":       {queue: seconds("80"), config: windowed, code: sqsx.CodeVisibility, fine: true},
		"receives":                     {queue: append(seconds("60"), policyTo(deadOnes, 4)...), config: mapped(fit()), severity: sqsx.SeverityWarning, code: sqsx.CodeMaxReceiveCount, on: ownQueue, problem: "Lambda throttles"},
		"a task beyond the timeout":    {queue: seconds("60"), config: taking(10 * time.Second), severity: sqsx.SeverityError, code: sqsx.CodeTaskTime, on: ownQueue, problem: "stopped after 10s: a task may take 10s"},
		"a batch beyond the timeout":   {queue: seconds("60"), config: taking(time.Second), severity: sqsx.SeverityWarning, code: sqsx.CodeTaskTime, on: ownQueue, problem: "in batches of 10, which is stopped after 10s"},
		"a batch within the timeout":   {queue: seconds("60"), config: taking(999 * time.Millisecond), code: sqsx.CodeTaskTime, fine: true},
	})
}

// Batches of FIFO queues are of 10, without a window.
func TestCheckMappingsOfFIFOQueues(t *testing.T) {
	t.Parallel()
	for problem, mapping := range map[string]sqsx.EventSourceMapping{
		"of 11, and is a FIFO queue":                     fit(batches(11, time.Second)),
		"of 10 with a window of 1s, and is a FIFO queue": fit(batches(10, time.Second)),
		"": fit(batches(10, 0)),
	} {
		inGraveyard(t, func(g *graveyard) {
			require.NoError(g, sqsx.Provision(g.Context(), g.client, app, sqsx.ProvisionConfig{Naming: fifoName}))
			config := mapped(mapping)
			config.Worker.Naming = fifoName
			found := g.check(config).Of(sqsx.CodeBatchSize)
			if problem == "" {
				require.Empty(g, found)
				return
			}
			require.Len(g, found, 1)
			require.Equal(g, sqsx.SeverityError, found[0].Severity)
			require.Contains(g, found[0].Problem, problem)
		})
	}
}

func TestCheckAsksForTheMappingsOfEachQueue(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		var asked []string
		config := sqsx.CheckConfig{Mappings: func(_ context.Context, queueARN string) ([]sqsx.EventSourceMapping, error) {
			asked = append(asked, queueARN)
			return []sqsx.EventSourceMapping{fit()}, nil
		}}
		_, err := sqsx.Check(g.Context(), g.client, app, config)
		require.NoError(g, err)
		var expected []string
		for _, priority := range []taskhawk.Priority{taskhawk.High, taskhawk.Default, taskhawk.Low, taskhawk.Bulk} {
			expected = append(expected, arnPrefix+queueOf(priority))
		}
		require.Equal(g, expected, asked, "and not of their dead-letter queues")
	})
}

func TestCheckThatMayNotSeeMappings(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		var answer error = &smithy.GenericAPIError{Code: "AccessDeniedException"}
		config := sqsx.CheckConfig{Mappings: func(context.Context, string) ([]sqsx.EventSourceMapping, error) { return nil, answer }}
		report := g.check(config)
		require.Equal(g, 1, report.Count(sqsx.SeverityWarning), "%s", report)
		require.Contains(g, report.Of(sqsx.CodeAccessDenied)[0].Problem, "no permission for lambda:ListEventSourceMappings")

		answer = errors.New("oops\nagain")
		config.Worker.Priorities = []taskhawk.Priority{taskhawk.Default}
		_, err := sqsx.Check(g.Context(), g.client, app, config)
		require.EqualError(g, err, "sqsx: check: queue TASKHAWK-DEV-MYAPP: event source mappings: oops again")
		require.ErrorIs(g, err, answer)
	})
}
