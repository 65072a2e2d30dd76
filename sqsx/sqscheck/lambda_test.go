package sqscheck_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqscheck"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// mapped is a configuration of Check that is told of these mappings, whatever the queue.
func mapped(mappings ...sqscheck.EventSourceMapping) sqscheck.Config {
	return sqscheck.Config{
		Mappings: func(context.Context, string) ([]sqscheck.EventSourceMapping, error) { return mappings, nil },
	}
}

// fit is a mapping with which nothing is wrong on a queue whose visibility timeout is a
// minute.
func fit(change ...func(*sqscheck.EventSourceMapping)) sqscheck.EventSourceMapping {
	m := sqscheck.EventSourceMapping{Function: "mails", FunctionTimeout: 10 * time.Second, MaximumConcurrency: 20}
	for _, c := range change {
		c(&m)
	}
	return m
}

func reporting(m *sqscheck.EventSourceMapping) { m.ReportBatchItemFailures = true }

func batches(size int, window time.Duration) func(*sqscheck.EventSourceMapping) {
	return func(m *sqscheck.EventSourceMapping) { m.BatchSize, m.Window = size, window }
}

func concurrency(n int) func(*sqscheck.EventSourceMapping) {
	return func(m *sqscheck.EventSourceMapping) { m.MaximumConcurrency = n }
}

// partial says that the code reports parts of batches.
func partial(config sqscheck.Config) sqscheck.Config {
	config.PartialBatch = true
	return config
}

func TestCheckOfAMappingThatFits(t *testing.T) {
	t.Parallel()
	inEnv(t, func(e *env) {
		e.set(ownQueue, "VisibilityTimeout", "60")
		config := partial(mapped(fit(reporting)))
		config.LongestTask = 900 * time.Millisecond
		report := e.check(config)
		require.True(e, report.OK(), "%s", report)
		require.Empty(e, report.Findings)
	})
}

func TestCheckPartialBatch(t *testing.T) {
	t.Parallel()
	const code = sqscheck.CodePartialBatch
	minute := []string{"VisibilityTimeout", "60"}
	eachChecked(t, map[string]checked{
		"the code alone": {
			queue: minute, config: partial(mapped(fit())), severity: sqscheck.SeverityError, code: code, on: ownQueue,
			problem: "is fed to mails without ReportBatchItemFailures, and its handler has PartialBatch of lambdax.SQSConfig: Lambda deletes what failed",
		},
		"the mapping alone": {queue: minute, config: mapped(fit(reporting)), severity: sqscheck.SeverityInfo, code: code, on: ownQueue, problem: "runs the whole batch again"},
		"both":              {config: partial(mapped(fit(reporting))), code: code, fine: true},
		"neither":           {config: mapped(fit()), code: code, fine: true},
		"nothing to ask":    {config: sqscheck.Config{PartialBatch: true}, code: code, fine: true},
	})
}

func TestCheckMapping(t *testing.T) {
	t.Parallel()
	const code = sqscheck.CodeMapping
	minute := []string{"VisibilityTimeout", "60"}
	off := fit(func(m *sqscheck.EventSourceMapping) { m.Disabled = true })
	other := fit(func(m *sqscheck.EventSourceMapping) { m.Function = "a\nb" })
	eachChecked(t, map[string]checked{
		"none":            {config: mapped(), severity: sqscheck.SeverityWarning, code: code, on: ownQueue, problem: "no event source mapping"},
		"one":             {config: mapped(fit()), code: code, fine: true},
		"one is off":      {queue: minute, config: mapped(off), severity: sqscheck.SeverityWarning, code: code, on: ownQueue, problem: "disabled event source mapping to mails"},
		"two":             {queue: minute, config: mapped(fit(), other), severity: sqscheck.SeverityWarning, code: code, on: ownQueue, problem: `is fed to "a\nb" and mails`},
		"one off, one on": {queue: minute, config: mapped(fit(), off), severity: sqscheck.SeverityWarning, code: code, on: ownQueue, problem: "disabled"},
	})
}

func TestCheckBatchSize(t *testing.T) {
	t.Parallel()
	const code = sqscheck.CodeBatchSize
	bad := func(problem string, change func(*sqscheck.EventSourceMapping)) checked {
		return checked{config: mapped(fit(change)), severity: sqscheck.SeverityError, code: code, on: ownQueue, problem: problem}
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
	const code = sqscheck.CodeMaximumConcurrency
	minute := []string{"VisibilityTimeout", "60"}
	at := func(n int) sqscheck.Config { return mapped(fit(concurrency(n))) }
	eachChecked(t, map[string]checked{
		"none": {queue: minute, config: at(0), severity: sqscheck.SeverityInfo, code: code, on: ownQueue, problem: "takes all that the account has"},
		"1":    {queue: minute, config: at(1), severity: sqscheck.SeverityError, code: code, on: ownQueue, problem: "of 1: Lambda refuses"},
		"1001": {queue: minute, config: at(1001), severity: sqscheck.SeverityError, code: code, on: ownQueue, problem: "of 1001"},
		"2":    {config: at(2), code: code, fine: true},
		"1000": {config: at(1000), code: code, fine: true},
	})
}

// The timeout of the function counts as LambdaTimeout does.
func TestCheckTimeoutOfMappedFunctions(t *testing.T) {
	t.Parallel()
	seconds := func(n string) []string { return []string{"VisibilityTimeout", n} }
	taking := func(d time.Duration) sqscheck.Config {
		config := mapped(fit())
		config.LongestTask = d
		return config
	}
	windowed := mapped(fit(batches(100, 20*time.Second)))
	eachChecked(t, map[string]checked{
		"visibility below the timeout": {queue: seconds("9"), config: mapped(fit()), severity: sqscheck.SeverityError, code: sqscheck.CodeVisibility, on: ownQueue, problem: "shorter than the 10s of the Lambda function"},
		"visibility below 6 of them":   {queue: seconds("59"), config: mapped(fit()), severity: sqscheck.SeverityWarning, code: sqscheck.CodeVisibility, on: ownQueue, problem: "of 59s"},
		"visibility without window":    {queue: seconds("79"), config: windowed, severity: sqscheck.SeverityWarning, code: sqscheck.CodeVisibility, on: ownQueue, problem: "of 1m19s"},
		"visibility with window":       {queue: seconds("80"), config: windowed, code: sqscheck.CodeVisibility, fine: true},
		"receives":                     {queue: append(seconds("60"), policyTo(deadOnes, 4)...), config: mapped(fit()), severity: sqscheck.SeverityWarning, code: sqscheck.CodeMaxReceiveCount, on: ownQueue, problem: "Lambda throttles"},
		"a task beyond the timeout":    {queue: seconds("60"), config: taking(10 * time.Second), severity: sqscheck.SeverityError, code: sqscheck.CodeTaskTime, on: ownQueue, problem: "stopped after 10s: a task may take 10s"},
		"a batch beyond the timeout":   {queue: seconds("60"), config: taking(time.Second), severity: sqscheck.SeverityWarning, code: sqscheck.CodeTaskTime, on: ownQueue, problem: "in batches of 10, which is stopped after 10s"},
		"a batch within the timeout":   {queue: seconds("60"), config: taking(999 * time.Millisecond), code: sqscheck.CodeTaskTime, fine: true},
	})
}

// Batches of FIFO queues are of 10, without a window.
func TestCheckMappingsOfFIFOQueues(t *testing.T) {
	t.Parallel()
	for problem, mapping := range map[string]sqscheck.EventSourceMapping{
		"of 11, and is a FIFO queue":                     fit(batches(11, time.Second)),
		"of 10 with a window of 1s, and is a FIFO queue": fit(batches(10, time.Second)),
		"": fit(batches(10, 0)),
	} {
		inEnv(t, func(e *env) {
			require.NoError(e, sqsx.Provision(e.Context(), e.client, app, sqsx.ProvisionConfig{Naming: fifoName}))
			config := mapped(mapping)
			config.Worker.Naming = fifoName
			found := e.check(config).Of(sqscheck.CodeBatchSize)
			if problem == "" {
				require.Empty(e, found)
				return
			}
			require.Len(e, found, 1)
			require.Equal(e, sqscheck.SeverityError, found[0].Severity)
			require.Contains(e, found[0].Problem, problem)
		})
	}
}

func TestCheckAsksForTheMappingsOfEachQueue(t *testing.T) {
	t.Parallel()
	inEnv(t, func(e *env) {
		var asked []string
		config := sqscheck.Config{Mappings: func(_ context.Context, queueARN string) ([]sqscheck.EventSourceMapping, error) {
			asked = append(asked, queueARN)
			return []sqscheck.EventSourceMapping{fit()}, nil
		}}
		_, err := sqscheck.Check(e.Context(), e.client, app, config)
		require.NoError(e, err)
		var expected []string
		for _, priority := range []taskhawk.Priority{taskhawk.High, taskhawk.Default, taskhawk.Low, taskhawk.Bulk} {
			expected = append(expected, arnPrefix+queueOf(priority))
		}
		require.Equal(e, expected, asked, "and not of their dead-letter queues")
	})
}

func TestCheckThatMayNotSeeMappings(t *testing.T) {
	t.Parallel()
	inEnv(t, func(e *env) {
		var answer error = &smithy.GenericAPIError{Code: "AccessDeniedException"}
		config := sqscheck.Config{Mappings: func(context.Context, string) ([]sqscheck.EventSourceMapping, error) { return nil, answer }}
		report := e.check(config)
		require.Equal(e, 1, report.Count(sqscheck.SeverityWarning), "%s", report)
		require.Contains(e, report.Of(sqscheck.CodeAccessDenied)[0].Problem, "no permission for lambda:ListEventSourceMappings")

		answer = errors.New("oops\nagain")
		config.Worker.Priorities = []taskhawk.Priority{taskhawk.Default}
		_, err := sqscheck.Check(e.Context(), e.client, app, config)
		require.EqualError(e, err, "sqscheck: queue TASKHAWK-DEV-MYAPP: event source mappings: oops again")
		require.ErrorIs(e, err, answer)
	})
}
