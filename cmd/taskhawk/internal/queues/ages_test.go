package queues //nolint:testpackage // CloudWatch has no embedded server to be asked

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/sqsx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// metrics answers as CloudWatch does: newest value first, none for an empty queue.
type metrics struct {
	asked *cloudwatch.GetMetricDataInput
	err   error
}

func (m *metrics) GetMetricData(
	_ context.Context, in *cloudwatch.GetMetricDataInput, _ ...func(*cloudwatch.Options),
) (*cloudwatch.GetMetricDataOutput, error) {
	m.asked = in
	return &cloudwatch.GetMetricDataOutput{MetricDataResults: []types.MetricDataResult{
		{Id: aws.String("q0"), Values: []float64{90, 30}}, {Id: aws.String("q2")},
	}}, m.err
}

func TestAgesComeFromCloudWatch(t *testing.T) {
	t.Parallel()
	counts := []sqsx.QueueCount{{Queue: "A"}, {Queue: "missing", Err: errors.New("missing")}, {Queue: "B"}}
	m := &metrics{}
	a := &ages{client: m}
	require.Equal(t, map[string]time.Duration{"A": 90 * time.Second}, a.of(t.Context(), counts))
	require.Empty(t, a.problem())
	require.Len(t, m.asked.MetricDataQueries, 2)
	metric := m.asked.MetricDataQueries[1].MetricStat.Metric
	require.Equal(t, "AWS/SQS", *metric.Namespace)
	require.Equal(t, "ApproximateAgeOfOldestMessage", *metric.MetricName)
	require.Equal(t, "B", *metric.Dimensions[0].Value)

	m.err = errors.New("not allowed\n")
	require.Empty(t, a.of(t.Context(), counts))
	require.Equal(t, "no ages: CloudWatch does not give them: not allowed\ufffd", a.problem())
	require.Empty(t, (&ages{}).of(t.Context(), counts))
}

func TestApplicationsByTheirQueues(t *testing.T) {
	t.Parallel()
	for queue, app := range map[string]string{
		"TASKHAWK-DEV-MYAPP": "dev-myapp", "TASKHAWK-DEV-MYAPP.fifo": "dev-myapp", "TASKHAWK-A-BULK": "", "TASKHAWK-A-DLQ": "",
		"TASKHAWK-A-HIGH-PRIORITY.fifo": "", "OTHER": "",
	} {
		require.Equal(t, app, applicationOf(queue), queue)
	}
}
