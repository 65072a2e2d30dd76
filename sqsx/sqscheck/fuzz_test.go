package sqscheck_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqscheck"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// attributesAPI is an SQS whose queues all have the same attributes.
type attributesAPI map[string]string

func (attributesAPI) GetQueueUrl(
	context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options),
) (*sqs.GetQueueUrlOutput, error) {
	return &sqs.GetQueueUrlOutput{QueueUrl: aws.String("https://sqs.test/queue")}, nil
}

func (a attributesAPI) GetQueueAttributes(
	context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options),
) (*sqs.GetQueueAttributesOutput, error) {
	return &sqs.GetQueueAttributesOutput{Attributes: a}, nil
}

// FuzzCheck looks at queues with any attributes: findings come in order, each in a line
// by itself, and nothing panics.
func FuzzCheck(f *testing.F) {
	f.Add(`{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:1:TASKHAWK-DEV-MYAPP-DLQ","maxReceiveCount":5}`, `{"redrivePermission":"denyAll"}`, "30", "key")
	f.Add(`{"deadLetterTargetArn":"a\nb","maxReceiveCount":"1"}`, `{"redrivePermission":"byQueue","sourceQueueArns":["x"]}`, "-1", "a\nb")
	f.Add(`{"maxReceiveCount":1000000000}`, `[]`, "99999999999999999999", "")
	f.Add(`null`, `{"sourceQueueArns":7}`, "", "")
	f.Fuzz(func(t *testing.T, policy, allow, number, key string) {
		api := attributesAPI{
			"QueueArn": "arn:aws:sqs:us-east-1:1:TASKHAWK-DEV-MYAPP", "RedrivePolicy": policy, "RedriveAllowPolicy": allow,
			"VisibilityTimeout": number, "MessageRetentionPeriod": number, "DelaySeconds": number, "MaximumMessageSize": number,
			"ApproximateNumberOfMessages": number, "KmsMasterKeyId": key, "Policy": policy,
		}
		report, err := sqscheck.Check(t.Context(), api, app, sqscheck.Config{
			Worker: sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Default}},
		})
		require.NoError(t, err)
		require.True(t, slices.IsSortedFunc(report.Findings, func(a, b sqscheck.Finding) int { return int(b.Severity) - int(a.Severity) }))
		require.Equal(t, len(report.Findings)+1, strings.Count(report.String(), "\n"), "%q", report)
		for _, finding := range report.Findings {
			require.NotEmpty(t, finding.Code)
			require.NotEmpty(t, finding.Problem)
		}
	})
}
