package awsbatch_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// answerFirst answers before it has read the body, and keeps the body, as net/http does
// in its own goroutine.
type answerFirst struct{ body io.Reader }

func (c *answerFirst) Do(req *http.Request) (*http.Response, error) {
	c.body = req.Body
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

// closing is a body that cannot be read when it is closed.
type closing struct{ io.Reader }

func (c *closing) Close() error {
	c.Reader = strings.NewReader("")
	return nil
}

func TestShieldKeepsTheBodyReadable(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"plain": "", "shielded": "body"} {
		inner := &answerFirst{}
		client := awsbatch.HTTPClient(inner)
		if name == "shielded" {
			_, client = awsbatch.Once(t.Context(), aws.NopRetryer{}, inner)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://sqs.test", &closing{strings.NewReader("body")})
		require.NoError(t, err)
		response, err := client.Do(req)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.NoError(t, req.Body.Close(), "as the SDK does")
		text, err := io.ReadAll(inner.body)
		require.NoError(t, err)
		require.Equal(t, want, string(text), name)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://sqs.test", nil)
	require.NoError(t, err)
	_, client := awsbatch.Once(t.Context(), aws.NopRetryer{}, &answerFirst{})
	_, err = client.Do(req) //nolint:bodyclose // there is none
	require.NoError(t, err)
	require.Nil(t, req.Body)
}

// limited is a retryer with a rate limit, as the adaptive mode has one.
type limited struct {
	aws.NopRetryer

	tokens int
}

func (*limited) IsErrorRetryable(error) bool { return true }
func (*limited) MaxAttempts() int            { return 9 }

func (l *limited) GetAttemptToken(context.Context) (func(error) error, error) {
	l.tokens++
	return func(error) error { return nil }, nil
}

// unlimited is a retryer of the first version of the interface.
type unlimited struct{ aws.Retryer }

func TestOnceKeepsTheRateLimitOfTheRetryer(t *testing.T) {
	t.Parallel()
	own := &limited{}
	for _, retryer := range []aws.Retryer{own, unlimited{own}} {
		once, _ := awsbatch.Once(t.Context(), retryer, &answerFirst{})
		require.False(t, once.IsErrorRetryable(errors.ErrUnsupported))
		require.Equal(t, 1, once.MaxAttempts())
		if limit, ok := once.(aws.RetryerV2); ok {
			_, err := limit.GetAttemptToken(t.Context())
			require.NoError(t, err)
		}
	}
	require.Equal(t, 1, own.tokens)
}

// A call of a client that ignores the options may have been sent by another HTTP client.
func TestOnlyACallWithOnceIsKnownToSendNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		call    func(ctx context.Context)
		unknown bool
	}{
		"options ignored": {func(context.Context) {}, true},
		"not sent":        {func(ctx context.Context) { awsbatch.Once(ctx, nil, nil) }, false},
		"sent": {func(ctx context.Context) {
			_, client := awsbatch.Once(ctx, nil, &answerFirst{})
			_, err := client.Do(&http.Request{}) //nolint:bodyclose // there is none
			require.NoError(t, err)
		}, true},
	} {
		errs := run(t.Context(), []int{1}, func(ctx context.Context, _ []int) ([]error, error) {
			c.call(ctx)
			return nil, context.Canceled
		})
		require.ErrorIs(t, errs[0], context.Canceled)
		require.Equal(t, c.unknown, errors.Is(errs[0], taskhawk.ErrOutcomeUnknown), name)
	}
}
