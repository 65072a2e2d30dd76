package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/examples/service/api"
	"github.com/taskhawk/taskhawk-go/examples/service/tasks"
	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/taskhawktest"
)

func post(ctx context.Context, path, body string) *httptest.ResponseRecorder {
	request := httptest.NewRequestWithContext(ctx, http.MethodPost, path, strings.NewReader(body))
	response := httptest.NewRecorder()
	api.New(slog.New(slog.DiscardHandler)).ServeHTTP(response, request)
	return response
}

func TestSignUpSendsAWelcome(t *testing.T) {
	t.Parallel()
	ctx, recorder := taskhawktest.Record(t)
	response := post(ctx, "/signups", `{"email": "ann@example.com", "name": "Ann"}`)
	require.Equal(t, http.StatusAccepted, response.Code)
	require.NotEmpty(t, response.Header().Get("X-Request-Id"))

	var answer struct{ ID string }
	require.NoError(t, json.Unmarshal(response.Body.Bytes(), &answer))
	require.Equal(t, recorder.Outgoing()[0].ID, answer.ID)
	require.Equal(t, taskhawk.High, recorder.Outgoing()[0].Priority)
	require.Equal(t, []tasks.SendWelcomeArgs{{Email: "ann@example.com", Name: "Ann"}},
		taskhawktest.Dispatched(t, recorder, tasks.SendWelcome))
}

func TestImportBeginsWithTheFirstPage(t *testing.T) {
	t.Parallel()
	ctx, recorder := taskhawktest.Record(t)
	require.Equal(t, http.StatusAccepted, post(ctx, "/imports", `{"feed": "https://example.com/feed"}`).Code)
	require.Equal(t, []tasks.ImportPageArgs{{Feed: "https://example.com/feed", Page: 1}},
		taskhawktest.Dispatched(t, recorder, tasks.ImportPage))
}

func TestWhatIsNotValidIsNotDispatched(t *testing.T) {
	t.Parallel()
	ctx, recorder := taskhawktest.Record(t)
	for body, text := range map[string]string{
		`{"email": "nobody"}`: "Email breaks email",
		`{"email": `:          "not the JSON",
	} {
		response := post(ctx, "/signups", body)
		require.Equal(t, http.StatusBadRequest, response.Code)
		require.Contains(t, response.Body.String(), text)
	}
	require.Empty(t, recorder.Outgoing())
}

func TestAnOutageIsNoFaultOfTheClient(t *testing.T) {
	t.Parallel()
	ctx, recorder := taskhawktest.Record(t)
	recorder.Fail(errors.New("no network"))
	response := post(ctx, "/signups", `{"email": "ann@example.com"}`)
	require.Equal(t, http.StatusServiceUnavailable, response.Code)
	require.NotContains(t, response.Body.String(), "network")
}
