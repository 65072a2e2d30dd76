package awsbatch_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
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
			client = awsbatch.Shield(inner)
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
	_, err = awsbatch.Shield(&answerFirst{}).Do(req) //nolint:bodyclose // there is none
	require.NoError(t, err)
	require.Nil(t, req.Body)
}
