package sqscheck_test

import (
	"fmt"
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

func TestCheckFindsNothingInAdvisedSettings(t *testing.T) {
	t.Parallel()
	for _, timeout := range []time.Duration{0, time.Minute, 15 * time.Minute} {
		server := sqstest.NewUnstartedServer()
		t.Cleanup(server.Close)
		s := sqscheck.Advised(timeout, timeout/60)
		for _, priority := range taskhawk.Priorities() {
			name := sqsx.QueueName("dev-advised", priority)
			create := func(name string, attributes map[string]string) {
				attributes["MaximumMessageSize"] = strconv.Itoa(s.MaximumMessageSize)
				attributes["ReceiveMessageWaitTimeSeconds"] = seconds(s.WaitTime)
				attributes["SqsManagedSseEnabled"] = "true"
				_, err := server.Client().CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
				require.NoError(t, err)
			}
			create(sqsx.DeadLetterQueueName(name), map[string]string{"MessageRetentionPeriod": seconds(s.DeadLetterRetention)})
			create(name, map[string]string{
				"MessageRetentionPeriod": seconds(s.Retention), "VisibilityTimeout": seconds(s.VisibilityTimeout),
				"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:%s","maxReceiveCount":%d}`,
					sqsx.DeadLetterQueueName(name), s.MaxReceiveCount),
			})
		}
		report, err := sqscheck.Check(t.Context(), server.Client(), "dev-advised", sqscheck.Config{LambdaTimeout: timeout})
		require.NoError(t, err)
		require.Empty(t, report.Findings, "of timeout %s", timeout)
	}
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
