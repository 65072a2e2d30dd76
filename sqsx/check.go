package sqsx

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/taskhawk/taskhawk-go/internal/nilcheck"
)

// CheckAPI is what [Check] needs of SQS: GetQueueUrl and GetQueueAttributes. *sqs.Client satisfies it.
type CheckAPI interface {
	GetQueueUrl(context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error)
	GetQueueAttributes(
		context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options),
	) (*sqs.GetQueueAttributesOutput, error)
}

var _ CheckAPI = (*sqs.Client)(nil)

// CheckConfig says what the code does with the queues. The zero value is a worker with the zero WorkerConfig.
type CheckConfig struct {
	// Worker is the configuration of the workers: its Priorities, Naming, VisibilityTimeout and Backoff count here.
	Worker WorkerConfig
	// LongestTask is how long the slowest task may take, such as the largest taskhawk.WithTimeout. Default 0: not known.
	LongestTask time.Duration
	// LambdaTimeout is the timeout of the Lambda function that receives from the queues. Default 0: workers do.
	LambdaTimeout time.Duration
	// Mappings returns the event source mappings of a queue, for [Check] to look at too. Default nil: they are not looked at.
	Mappings func(ctx context.Context, queueARN string) ([]EventSourceMapping, error)
	// PartialBatch says that the function's handler is made with lambdax.WithPartialBatch. It counts with Mappings.
	PartialBatch bool
}

// Check compares the queues of an application with what the code needs of them, and says what is wrong and what to do about it: missing
// queues, redrive policies that make dead letters too early, elsewhere or never, retention that drops messages before they are dead
// letters, visibility timeouts that do not fit, and more; see the Code constants. It only reads attributes: two calls for each
// queue, no message is touched. Run it at deployment, or by hand.
//
// With Mappings it looks at the event source mappings of Lambda as well, above all whether ReportBatchItemFailures fits the code. What SQS
// does not tell cannot be checked: whether an SNS subscription delivers raw, and what is set in IAM.
//
// A queue that the caller may not look at is a finding. Any other failure of a call is an error, which joins those of all queues; the
// report then has what was found besides.
func Check(ctx context.Context, api CheckAPI, queue string, config CheckConfig) (CheckReport, error) {
	names, err := config.check(queue)
	if err != nil {
		return CheckReport{}, fmt.Errorf("sqsx: check: %w", err)
	}
	if nilcheck.IsNil(api) {
		return CheckReport{}, errors.New("sqsx: check: nil API")
	}
	e := &examination{api: api, config: config}
	e.examineCode()
	var failed failures
	for _, name := range names {
		failed.add(e.examine(ctx, name))
	}
	slices.SortStableFunc(e.findings, func(a, b Finding) int { return int(b.Severity) - int(a.Severity) })
	report := CheckReport{Findings: e.findings}
	if err := failed.err(); err != nil {
		return report, fmt.Errorf("sqsx: check: %w", err)
	}
	return report, nil
}

// check fills in the defaults and returns the names of the queues.
func (c *CheckConfig) check(queue string) ([]string, error) {
	if c.LongestTask < 0 || c.LambdaTimeout < 0 {
		return nil, errors.New("negative LongestTask or LambdaTimeout")
	}
	if err := c.Worker.check(); err != nil {
		return nil, err
	}
	names, err := c.Worker.Naming.names(queue, c.Worker.Priorities)
	return inOrder(names), err
}
