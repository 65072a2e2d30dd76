package sqsx_test

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
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestCheckOfMissingQueues(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.NewUnstartedServer()
		defer server.Close()
		report, err := sqsx.Check(t.Context(), server.Client(), app, sqsx.CheckConfig{})
		require.NoError(t, err)
		require.Equal(t, 8, report.Count(sqsx.SeverityError))
		require.Len(t, report.Of(sqsx.CodeQueueMissing), 8)
		require.Contains(t, report.Findings[0].Problem, "lacks sqs:GetQueueUrl", "SQS does not tell one from the other")
		require.Contains(t, report.Findings[0].Advice, "sqsx.Provision")
	})
}

func TestCheckOfAMissingDeadLetterQueue(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		_, err := g.client.DeleteQueue(g.Context(), deleteQueue(g.url(deadOnes)))
		require.NoError(g, err)
		report := g.check(sqsx.CheckConfig{})
		require.Equal(g, 1, report.Count(sqsx.SeverityError))
		require.Equal(g, deadOnes, report.Findings[0].Queue)
		require.Equal(g, sqsx.CodeQueueMissing, report.Findings[0].Code)
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
			config := sqsx.CheckConfig{Worker: sqsx.WorkerConfig{Naming: naming[checked]}}
			report, err := sqsx.Check(t.Context(), server.Client(), app, config)
			require.NoError(t, err)
			require.Len(t, report.Of(sqsx.CodeQueueType), 8)
			require.Empty(t, report.Of(sqsx.CodeQueueMissing))
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
		config := sqsx.CheckConfig{Worker: sqsx.WorkerConfig{Naming: fifoName}}
		report, err := sqsx.Check(t.Context(), client, app, config)
		require.NoError(t, err)
		require.True(t, report.OK(), "a letter on a FIFO queue begins its retention anew:\n%s", report)
		require.Len(t, report.Of(sqsx.CodeDeduplication), 4)

		url := server.Queue("TASKHAWK-DEV-MYAPP.fifo").URL
		_, err = client.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{
			QueueUrl: &url, Attributes: map[string]string{"ContentBasedDeduplication": "true"},
		})
		require.NoError(t, err)
		report, err = sqsx.Check(t.Context(), client, app, config)
		require.NoError(t, err)
		require.Len(t, report.Of(sqsx.CodeDeduplication), 3)
	})
}

func TestCheckWithoutPermission(t *testing.T) {
	t.Parallel()
	for operation, permission := range map[string]string{
		sqstest.OpGetQueueURL: "sqs:GetQueueUrl", sqstest.OpGetQueueAttributes: "sqs:GetQueueAttributes",
	} {
		for _, code := range []string{"AccessDenied", "AccessDeniedException"} {
			inGraveyard(t, func(g *graveyard) {
				g.server.Inject(sqstest.Fault{On: operation, Do: sqstest.ErrorStatus(403, code, "not authorized")})
				report := g.check(sqsx.CheckConfig{})
				require.Len(g, report.Findings, 2)
				for _, found := range report.Of(sqsx.CodeAccessDenied) {
					require.Equal(g, sqsx.SeverityWarning, found.Severity)
					require.Contains(g, found.Problem, "no permission for "+permission)
				}
				require.False(g, report.OK())
			})
		}
	}
}

// One queue cannot be looked at: the others are, and the error says which one it was.
func TestCheckThatFailsHalfway(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.set(queueOf(taskhawk.Low), "DelaySeconds", "5")
		g.server.Inject(sqstest.Fault{On: sqstest.OpGetQueueAttributes, Queue: ownQueue, Do: sqstest.Error("InternalError", "oops\nagain")})
		report, err := sqsx.Check(g.Context(), g.client, app, sqsx.CheckConfig{})
		require.ErrorContains(g, err, "sqsx: check: queue TASKHAWK-DEV-MYAPP: ")
		require.NotContains(g, err.Error(), "\n")
		require.Len(g, report.Of(sqsx.CodeDelay), 1)
		require.Len(g, report.Of(sqsx.CodeShortPoll), 3)
	})
}

func TestCheckEndsWithItsContext(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.server.Inject(sqstest.Fault{Do: sqstest.Silence()})
		ctx, cancel := context.WithTimeout(g.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := sqsx.Check(ctx, g.client, app, sqsx.CheckConfig{})
		require.ErrorIs(g, err, context.DeadlineExceeded)
		require.Equal(g, time.Second, time.Since(began))
	})
}

// reporting is a client that is told these attributes of every queue.
func (g *graveyard) reporting(attributes map[string]string) *sqs.Client {
	return g.clientThrough(func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
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
		code       string
		severity   sqsx.Severity
	}{
		"a full queue":        {map[string]string{"ApproximateNumberOfMessagesNotVisible": "119000"}, sqsx.CodeInFlight, sqsx.SeverityWarning},
		"a policy in no JSON": {map[string]string{"RedrivePolicy": "arn:aws"}, sqsx.CodeRedrivePolicy, sqsx.SeverityError},
		"a count in no number": {
			map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"` + arnPrefix + deadOnes + `","maxReceiveCount":"many"}`},
			sqsx.CodeRedrivePolicy, sqsx.SeverityError,
		},
		"no attributes": {nil, sqsx.CodeRedrivePolicy, sqsx.SeverityError},
	} {
		inGraveyard(t, func(g *graveyard) {
			config := sqsx.CheckConfig{Worker: sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Default}}}
			report, err := sqsx.Check(g.Context(), g.reporting(c.attributes), app, config)
			require.NoError(g, err, name)
			found := report.Of(c.code)
			require.Len(g, found, 1, name)
			require.Equal(g, c.severity, found[0].Severity, name)
		})
	}
}

func TestCheckRefusesBadConfiguration(t *testing.T) {
	t.Parallel()
	client := sqstest.NewUnstartedServer().Client()
	for want, config := range map[string]sqsx.CheckConfig{
		"negative LongestTask":         {LongestTask: -1},
		"negative LongestTask or Lamb": {LambdaTimeout: -1},
		"VisibilityTimeout":            {Worker: sqsx.WorkerConfig{VisibilityTimeout: 13 * time.Hour}},
		"unknown priority":             {Worker: sqsx.WorkerConfig{Priorities: []taskhawk.Priority{9}}},
	} {
		_, err := sqsx.Check(t.Context(), client, app, config)
		require.ErrorContains(t, err, want)
	}
	_, err := sqsx.Check(t.Context(), nil, app, sqsx.CheckConfig{})
	require.ErrorContains(t, err, "nil API")
}

func TestCheckReportReadsWell(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.set(ownQueue, append(policyTo(deadOnes, 1), "DelaySeconds", "5")...)
		require.Equal(g, `error max-receive-count: TASKHAWK-DEV-MYAPP has a maxReceiveCount of 1: every crash and every deployment makes dead letters of tasks that did not fail; set it to 5 or more
warning delay: TASKHAWK-DEV-MYAPP delays every message by 5s, also where no delay was asked for; set DelaySeconds to 0 and use taskhawk.WithDelay where tasks shall wait
info short-poll: TASKHAWK-DEV-MYAPP has a ReceiveMessageWaitTimeSeconds of 0: receives of other programs do not wait
errors: 1, warnings: 1, infos: 1
`, g.check(sqsx.CheckConfig{}).String())
		text, err := json.Marshal(g.check(sqsx.CheckConfig{}).Findings[0])
		require.NoError(g, err)
		require.Contains(g, string(text), `"Severity":"error","Code":"max-receive-count","Queue":"TASKHAWK-DEV-MYAPP"`)
		require.Equal(g, "Severity(9)", sqsx.Severity(9).String())
	})
}
