package sqscheck_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqscheck"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestCheckOfMissingQueues(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.NewUnstartedServer()
		defer server.Close()
		report, err := sqscheck.Check(t.Context(), server.Client(), app, sqscheck.Config{})
		require.NoError(t, err)
		require.Equal(t, 9, report.Count(sqscheck.SeverityError))
		require.Len(t, report.Of(sqscheck.CodeQueueMissing), 9)
		require.Equal(t, `error queue-missing: none of the queues of "dev-myapp" is found; check the application's name, account and region`,
			report.Findings[0].String(), "the name is probably misspelt")
		require.Contains(t, report.Findings[1].Problem, "lacks sqs:GetQueueUrl", "SQS does not tell one from the other")
		require.Contains(t, report.Findings[1].Advice, "sqsx.Provision")
	})
}

// The queues of the other priorities exist, so that the name is right.
func TestCheckOfOnePriorityWhoseQueueIsMissing(t *testing.T) {
	t.Parallel()
	inEnv(t, func(e *env) {
		_, err := e.client.DeleteQueue(e.Context(), &sqs.DeleteQueueInput{QueueUrl: e.url(sqsx.QueueName(app, taskhawk.Bulk))})
		require.NoError(e, err)
		report := e.check(sqscheck.Config{Worker: sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Bulk}}})
		require.Len(e, report.Of(sqscheck.CodeQueueMissing), 1)
		require.Equal(e, sqsx.QueueName(app, taskhawk.Bulk), report.Of(sqscheck.CodeQueueMissing)[0].Queue)
	})
}

func TestCheckOfAMissingDeadLetterQueue(t *testing.T) {
	t.Parallel()
	inEnv(t, func(e *env) {
		_, err := e.client.DeleteQueue(e.Context(), &sqs.DeleteQueueInput{QueueUrl: e.url(deadOnes)})
		require.NoError(e, err)
		report := e.check(sqscheck.Config{})
		require.Equal(e, 1, report.Count(sqscheck.SeverityError))
		require.Equal(e, deadOnes, report.Findings[0].Queue)
		require.Equal(e, sqscheck.CodeQueueMissing, report.Findings[0].Code)
	})
}

// The queues are FIFO queues and the code does not know, or the other way round.
func TestCheckOfQueuesOfTheOtherType(t *testing.T) {
	t.Parallel()
	for provisioned, checked := range map[bool]bool{true: false, false: true} {
		naming := map[bool]sqsx.Naming{true: fifoName, false: sqsx.QueueName}
		synctest.Test(t, func(t *testing.T) {
			server := sqstest.NewUnstartedServer()
			defer server.Close()
			require.NoError(t, sqsx.Provision(t.Context(), server.Client(), app, sqsx.ProvisionConfig{Naming: naming[provisioned]}))
			config := sqscheck.Config{Worker: sqsx.WorkerConfig{Naming: naming[checked]}}
			report, err := sqscheck.Check(t.Context(), server.Client(), app, config)
			require.NoError(t, err)
			require.Len(t, report.Of(sqscheck.CodeQueueType), 8)
			require.Empty(t, report.Of(sqscheck.CodeQueueMissing))
			require.Contains(t, report.Findings[0].Problem, naming[provisioned](app, taskhawk.High)+" does")
		})
	}
}

func TestCheckOfFIFOQueues(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.NewUnstartedServer()
		defer server.Close()
		client := server.Client()
		require.NoError(t, sqsx.Provision(t.Context(), client, app, sqsx.ProvisionConfig{Naming: fifoName, Retention: 14 * 24 * time.Hour}))
		config := sqscheck.Config{Worker: sqsx.WorkerConfig{Naming: fifoName}}
		report, err := sqscheck.Check(t.Context(), client, app, config)
		require.NoError(t, err)
		require.True(t, report.OK(), "a letter on a FIFO queue begins its retention anew:\n%s", report)
		require.Len(t, report.Of(sqscheck.CodeDeduplication), 4)

		url := server.Queue("TASKHAWK-DEV-MYAPP.fifo").URL
		_, err = client.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{
			QueueUrl: &url, Attributes: map[string]string{"ContentBasedDeduplication": "true"},
		})
		require.NoError(t, err)
		report, err = sqscheck.Check(t.Context(), client, app, config)
		require.NoError(t, err)
		require.Len(t, report.Of(sqscheck.CodeDeduplication), 3)
	})
}

func TestCheckWithoutPermission(t *testing.T) {
	t.Parallel()
	for operation, permission := range map[string]string{
		sqstest.OpGetQueueURL: "sqs:GetQueueUrl", sqstest.OpGetQueueAttributes: "sqs:GetQueueAttributes",
	} {
		for _, code := range []string{"AccessDenied", "AccessDeniedException"} {
			inEnv(t, func(e *env) {
				e.server.Inject(sqstest.Fault{On: operation, Do: sqstest.ErrorStatus(403, code, "not authorized")})
				report := e.check(sqscheck.Config{})
				require.Len(e, report.Findings, 2)
				for _, found := range report.Of(sqscheck.CodeAccessDenied) {
					require.Equal(e, sqscheck.SeverityWarning, found.Severity)
					require.Contains(e, found.Problem, "no permission for "+permission)
				}
				require.False(e, report.OK())
			})
		}
	}
}

// One queue cannot be looked at: the others are, and the error says which one it was.
func TestCheckThatFailsHalfway(t *testing.T) {
	t.Parallel()
	inEnv(t, func(e *env) {
		for _, priority := range taskhawk.Priorities() {
			e.set(queueOf(priority), "DelaySeconds", "5")
		}
		e.server.Inject(sqstest.Fault{On: sqstest.OpGetQueueAttributes, Queue: ownQueue, Do: sqstest.Error("InternalError", "oops\nagain")})
		report, err := sqscheck.Check(e.Context(), e.client, app, sqscheck.Config{})
		require.ErrorContains(e, err, "sqscheck: queue TASKHAWK-DEV-MYAPP: ")
		require.NotContains(e, err.Error(), "\n")
		delays := report.Of(sqscheck.CodeDelay)
		require.Len(e, delays, 3)
		require.Equal(e, queueOf(taskhawk.High), delays[0].Queue, "the most urgent first")
	})
}

func TestCheckEndsWithItsContext(t *testing.T) {
	t.Parallel()
	inEnv(t, func(e *env) {
		e.server.Inject(sqstest.Fault{Do: sqstest.Silence()})
		ctx, cancel := context.WithTimeout(e.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := sqscheck.Check(ctx, e.client, app, sqscheck.Config{})
		require.ErrorIs(e, err, context.DeadlineExceeded)
		require.Equal(e, time.Second, time.Since(began))
	})
}

// reporting is a client that is told these attributes of every queue.
func (e *env) reporting(attributes map[string]string) *sqs.Client {
	return e.clientThrough(func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), sqstest.OpGetQueueAttributes) {
			return next.RoundTrip(r)
		}
		text, err := json.Marshal(map[string]any{"Attributes": attributes})
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(text))), Request: r}, err
	})
}

// What SQS never says, but another service may.
func TestCheckOfOddAttributes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		attributes map[string]string
		code       sqscheck.Code
		severity   sqscheck.Severity
	}{
		"a full queue":        {map[string]string{"ApproximateNumberOfMessagesNotVisible": "119000"}, sqscheck.CodeInFlight, sqscheck.SeverityWarning},
		"a policy in no JSON": {map[string]string{"RedrivePolicy": "arn:aws"}, sqscheck.CodeRedrivePolicy, sqscheck.SeverityError},
		"a count in no number": {
			map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"` + arnPrefix + deadOnes + `","maxReceiveCount":"many"}`},
			sqscheck.CodeRedrivePolicy, sqscheck.SeverityError,
		},
		"no attributes": {nil, sqscheck.CodeRedrivePolicy, sqscheck.SeverityError},
	} {
		inEnv(t, func(e *env) {
			config := sqscheck.Config{Worker: sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Default}}}
			report, err := sqscheck.Check(e.Context(), e.reporting(c.attributes), app, config)
			require.NoError(e, err, name)
			found := report.Of(c.code)
			require.Len(e, found, 1, name)
			require.Equal(e, c.severity, found[0].Severity, name)
		})
	}
}

func TestCheckRefusesBadConfiguration(t *testing.T) {
	t.Parallel()
	client := sqstest.NewUnstartedServer().Client()
	for want, config := range map[string]sqscheck.Config{
		"negative LongestTask":         {LongestTask: -1},
		"negative LongestTask or Lamb": {LambdaTimeout: -1},
		"VisibilityTimeout":            {Worker: sqsx.WorkerConfig{VisibilityTimeout: 13 * time.Hour}},
		"nil task in Tasks":            {Tasks: []taskhawk.AnyTask{nil}},
		"12 digits":                    {Worker: sqsx.WorkerConfig{Account: "1-2"}},
		"unknown priority":             {Worker: sqsx.WorkerConfig{Priorities: []taskhawk.Priority{9}}},
	} {
		_, err := sqscheck.Check(t.Context(), client, app, config)
		require.ErrorContains(t, err, want)
	}
	_, err := sqscheck.Check(t.Context(), nil, app, sqscheck.Config{})
	require.ErrorContains(t, err, "nil API")
}

func TestCheckReportReadsWell(t *testing.T) {
	t.Parallel()
	inEnv(t, func(e *env) {
		e.set(ownQueue, append(policyTo(deadOnes, 1), "DelaySeconds", "5", "ReceiveMessageWaitTimeSeconds", "0")...)
		require.Equal(e, `error max-receive-count: TASKHAWK-DEV-MYAPP has a maxReceiveCount of 1: every crash and every deployment makes dead letters of tasks that did not fail; set it to 5 or more
warning delay: TASKHAWK-DEV-MYAPP delays every message by 5s, also where no delay was asked for; set DelaySeconds to 0 and use taskhawk.WithDelay where tasks shall wait
info short-poll: TASKHAWK-DEV-MYAPP has a ReceiveMessageWaitTimeSeconds of 0: receives of other programs do not wait
errors: 1, warnings: 1, infos: 1
`, e.check(sqscheck.Config{}).String())
		text, err := json.Marshal(e.check(sqscheck.Config{}).Findings[0])
		require.NoError(e, err)
		require.Contains(e, string(text), `"Severity":"error","Code":"max-receive-count","Queue":"TASKHAWK-DEV-MYAPP"`)
		require.Equal(e, "Severity(9)", sqscheck.Severity(9).String())
	})
}
