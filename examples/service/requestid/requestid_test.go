package requestid_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/examples/service/requestid"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

type noArgs struct{}

// serve sends a request with an id, and returns what the handler saw and what the client
// got.
func serve(t *testing.T, id string) (seen, answered string) {
	t.Helper()
	handler := requestid.HTTP(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen = requestid.From(r.Context())
	}))
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	request.Header.Set("X-Request-Id", id)
	response := httptest.NewRecorder()
	handler.ServeHTTP(response, request)
	return seen, response.Header().Get("X-Request-Id")
}

func TestRequestsKeepTheirIDOrGetOne(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"1234", "", strings.Repeat("x", 65)} {
		seen, answered := serve(t, id)
		require.Equal(t, seen, answered)
		require.NotEmpty(t, seen)
		require.Equal(t, id == "1234", seen == id)
	}
}

func TestTasksTakeTheIDAlong(t *testing.T) {
	t.Parallel()
	var seen []string
	last := taskhawk.New("tests.last", func(ctx context.Context, _ noArgs) error {
		seen = append(seen, requestid.From(ctx))
		return nil
	})
	first := taskhawk.New("tests.first", func(ctx context.Context, _ noArgs) error {
		_, err := last.Dispatch(ctx, noArgs{})
		return err
	})
	_, err := taskhawk.NewHub(taskhawk.Config{
		Sync: true, Tasks: []taskhawk.AnyTask{first, last},
		DefaultHeaders: requestid.Headers, Middleware: []taskhawk.Middleware{requestid.Middleware},
	})
	require.NoError(t, err)
	_, err = first.Dispatch(requestid.With(t.Context(), "1234"), noArgs{})
	require.NoError(t, err)
	_, err = first.Dispatch(t.Context(), noArgs{})
	require.NoError(t, err)
	require.Equal(t, []string{"1234", ""}, seen)
}
