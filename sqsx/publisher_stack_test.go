package sqsx_test

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// ours are the functions of the library on the stack of the caller, the innermost first.
func ours() []string {
	callers := make([]uintptr, 100)
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers)])
	var names []string
	for {
		frame, more := frames.Next()
		if strings.Contains(frame.Function, "/taskhawk-go/") && !strings.Contains(frame.Function, "_test.") {
			names = append(names, frame.Function)
		}
		if !more {
			return names
		}
	}
}

// stackAPI notes the functions that lead to SendMessageBatch.
type stackAPI struct {
	silentAPI

	calls []string
}

func (a *stackAPI) SendMessageBatch(
	context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options),
) (*sqs.SendMessageBatchOutput, error) {
	a.calls = ours()
	return &sqs.SendMessageBatchOutput{Successful: []types.SendMessageBatchResultEntry{{Id: aws.String("0")}}}, nil
}

// stackContext notes the functions that ask for its end: the last of them waits.
type stackContext struct {
	context.Context //nolint:containedctx // it is one

	mu   sync.Mutex
	wait []string
}

func (c *stackContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wait = ours()
	return c.Context.Done()
}

// A reader follows a message from Dispatch to the SDK through a dozen functions.
func TestFewFunctionsFromDispatchToTheCall(t *testing.T) {
	t.Parallel()
	api := &stackAPI{}
	publisher, err := sqsx.NewPublisher(api, app, sqsx.PublisherConfig{})
	require.NoError(t, err)
	task := taskhawk.New[numberArgs]("tests.number", nil)
	_, err = taskhawk.NewHub(taskhawk.Config{Publisher: publisher, Tasks: []taskhawk.AnyTask{task}})
	require.NoError(t, err)
	ctx := &stackContext{Context: t.Context()}
	_, err = task.Dispatch(ctx, numberArgs{N: 1})
	require.NoError(t, err)
	require.NotEmpty(t, ctx.wait)
	require.NotEmpty(t, api.calls)
	require.LessOrEqual(t, len(ctx.wait)+len(api.calls), 12, "%s", strings.Join(append(ctx.wait, api.calls...), "\n"))
}
