package queues

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
	"github.com/taskhawk/taskhawk-go/sqsx"
)

// ages asks CloudWatch for the ages of the oldest messages, which SQS does not give.
type ages struct {
	client ageAPI // nil where there is none
	err    error  // of the last call
}

// ageAPI has the calls of CloudWatch.
type ageAPI interface {
	GetMetricData(
		context.Context, *cloudwatch.GetMetricDataInput, ...func(*cloudwatch.Options),
	) (*cloudwatch.GetMetricDataOutput, error)
}

func newAges(ctx context.Context, p *program.Program) (*ages, error) {
	client, err := p.CloudWatch(ctx)
	if err != nil || client == nil {
		return &ages{}, err
	}
	return &ages{client: client}, nil
}

// ageSpan is the period in which the metric is sought: SQS sends it once a minute, minutes
// late.
const ageSpan = 15 * time.Minute

// of returns the ages of the oldest messages by queue, without queues that have none.
func (a *ages) of(ctx context.Context, counts []sqsx.QueueCount) map[string]time.Duration {
	if a.client == nil {
		return nil
	}
	var queries []types.MetricDataQuery
	names := map[string]string{}
	for i, c := range counts {
		if c.Err != nil {
			continue
		}
		id := fmt.Sprintf("q%d", i)
		names[id] = c.Queue
		queries = append(queries, types.MetricDataQuery{Id: &id, MetricStat: &types.MetricStat{
			Metric: &types.Metric{
				Namespace: aws.String("AWS/SQS"), MetricName: aws.String("ApproximateAgeOfOldestMessage"),
				Dimensions: []types.Dimension{{Name: aws.String("QueueName"), Value: aws.String(c.Queue)}},
			},
			Period: aws.Int32(60), Stat: aws.String("Maximum"),
		}})
	}
	if len(queries) == 0 {
		return nil
	}
	now := time.Now()
	out, err := a.client.GetMetricData(ctx, &cloudwatch.GetMetricDataInput{
		StartTime: aws.Time(now.Add(-ageSpan)), EndTime: &now, MetricDataQueries: queries,
		ScanBy: types.ScanByTimestampDescending,
	})
	if a.err = err; err != nil {
		return nil
	}
	oldest := map[string]time.Duration{}
	for _, result := range out.MetricDataResults {
		if len(result.Values) > 0 {
			oldest[names[aws.ToString(result.Id)]] = time.Duration(result.Values[0] * float64(time.Second))
		}
	}
	return oldest
}

// problem returns why ages are missing, "" if they are not.
func (a *ages) problem() string {
	if a.err == nil {
		return ""
	}
	return "no ages: CloudWatch does not give them: " + program.Cut(program.Line(a.err.Error()), 200)
}
