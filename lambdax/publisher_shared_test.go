package lambdax_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// earlyAnswers is an HTTP client that refuses requests before it has read their bodies,
// and keeps them.
type earlyAnswers struct{ body io.Reader }

func (c *earlyAnswers) Do(req *http.Request) (*http.Response, error) {
	c.body = req.Body
	return &http.Response{StatusCode: http.StatusForbidden, Header: http.Header{}, Body: http.NoBody}, nil
}

// The SDK closes the body of a request when the answer is there, and net/http may still
// read in it then.
func TestRequestBodiesStayOpen(t *testing.T) {
	t.Parallel()
	onTopics(t, "", func(r *topicEnv) {
		early := &earlyAnswers{}
		r.client = sns.New(r.client.Options(), func(o *sns.Options) { o.HTTPClient = early })
		require.Error(r, r.publisher().Publish(r.Context(), outgoing(1)))
		text, err := io.ReadAll(early.body)
		require.NoError(r, err)
		require.Contains(r, string(text), "Action=PublishBatch")
	})
}

// A group keeps its order on a FIFO topic when an entry fails for a moment, and what is
// behind one that fails for good is held back.
func TestPublishBatchKeepsTheOrderOfAGroup(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		code   string
		sender bool
		held   int
	}{
		"for a moment": {"InternalError", false, 0},
		"for good":     {"InvalidParameter", true, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onTopics(t, ".fifo", func(r *topicEnv) {
				r.Inject(sqstest.Fault{On: sqstest.OpPublishBatch, Nth: 2, Do: sqstest.FailEntries(c.code, c.sender, 0)})
				outs := outgoings(5)
				for _, out := range outs {
					out.Group = "g"
				}
				errs := r.publisher().PublishBatch(r.Context(), outs)
				held := 0
				for i, err := range errs {
					if i > 1 && err != nil {
						require.ErrorIs(r, err, taskhawk.ErrHeldBack)
						require.NotErrorIs(r, err, taskhawk.ErrOutcomeUnknown)
						held++
					}
				}
				require.Equal(r, c.held, held)
				require.Equal(r, c.held > 0, errs[1] != nil)
				require.Equal(r, 5-c.held-min(c.held, 1), r.total())
			})
		})
	}
}

func TestCallsThatAreTooLargeAreSplit(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sqstest.Effect{
		"by SNS":              sqstest.Error("BatchRequestTooLong", "too long"),
		"as a parameter":      sqstest.Error("InvalidParameter", "Message too long"),
		"by a proxy, in HTML": sqstest.Status(http.StatusRequestEntityTooLarge, "<html>"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onTopics(t, "", func(r *topicEnv) {
				r.Inject(sqstest.Fault{
					On: sqstest.OpPublishBatch, If: func(request sqstest.Request) bool { return request.Entries > 3 }, Do: effect,
				})
				for _, err := range r.publisher().PublishBatch(r.Context(), outgoings(10)) {
					require.NoError(r, err)
				}
				require.Equal(r, 10, r.total())
				require.Equal(r, 7, r.Requests(sqstest.OpPublishBatch), "ten, five twice, and four that fit")
			})
		})
	}
}

// quitting ends the goroutines of its first calls, as t.FailNow in a fake does.
type quitting struct {
	lambdax.PublisherAPI

	calls int
}

func (q *quitting) PublishBatch(
	_ context.Context, in *sns.PublishBatchInput, _ ...func(*sns.Options),
) (*sns.PublishBatchOutput, error) {
	if q.calls++; q.calls <= 20 {
		runtime.Goexit()
	}
	return &sns.PublishBatchOutput{
		Successful: []types.PublishBatchResultEntry{{Id: in.PublishBatchRequestEntries[0].Id, MessageId: aws.String("m")}},
	}, nil
}

func TestCallsThatEndTheirGoroutineWedgeNothing(t *testing.T) {
	t.Parallel()
	config := lambdax.PublisherConfig{Account: "000000000000", Region: "us-east-1"}
	p, err := lambdax.NewPublisher(&quitting{}, app, config)
	require.NoError(t, err)
	for range 20 {
		require.ErrorIs(t, p.Publish(t.Context(), outgoing(1)), taskhawk.ErrOutcomeUnknown)
	}
	require.NoError(t, p.Publish(t.Context(), outgoing(1)))
}

func TestPublishTakesNoURL(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"arn:aws:sns:us-east-1:111122223333:taskhawk-dev-myapp", "https://sns.us-east-1.amazonaws.com"} {
		_, err := lambdax.NewPublisher(&quitting{}, name, lambdax.PublisherConfig{})
		require.ErrorContains(t, err, "a URL or ARN where the application's name is expected")
	}
}

// The options of a publisher have an effect.
func TestPublisherConfig(t *testing.T) {
	t.Parallel()
	onTopics(t, "", func(r *topicEnv) {
		recorded := r.recorded("taskhawk-dev-myapp")
		r.config.MaxAttributes, r.config.Linger = 2, time.Second
		out := outgoing(1)
		for n := range 5 {
			out.Headers[fmt.Sprint("x", n)] = "v"
		}
		start := time.Now()
		require.NoError(r, r.publisher().Publish(r.Context(), out))
		require.Equal(r, time.Second, time.Since(start))
		synctest.Wait()
		require.Len(r, *recorded, 1)
		require.Equal(r, 2, strings.Count((*recorded)[0], `"Type":"String"`))
	})
}
