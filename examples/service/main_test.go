package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A journal is what the service has logged. It is safe for concurrent use.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
	out  bytes.Buffer // what the service printed before its first line
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(line)
}

// records returns the records with a message.
func (j *journal) records(message string) []map[string]any {
	j.mu.Lock()
	defer j.mu.Unlock()
	var found []map[string]any
	for line := range strings.Lines(j.text.String()) {
		var record map[string]any
		if json.Unmarshal([]byte(line), &record) == nil && record["msg"] == message {
			found = append(found, record)
		}
	}
	return found
}

// wait waits until there are n records with a message, and returns them.
func (j *journal) wait(t *testing.T, message string, n int) []map[string]any {
	t.Helper()
	require.Eventually(t, func() bool { return len(j.records(message)) >= n }, time.Minute, time.Millisecond, message)
	return j.records(message)
}

// start runs the service until stop, which waits for it.
func start(t *testing.T, args ...string) (j *journal, url string, stop func()) {
	t.Helper()
	j = &journal{}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, append(args, "-listen", "127.0.0.1:0"), &j.out, slog.New(slog.NewJSONHandler(j, nil)))
	}()
	url, _ = j.wait(t, "serving", 1)[0]["url"].(string)
	return j, url, func() {
		cancel()
		require.NoError(t, <-done)
	}
}

func post(t *testing.T, url, body string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("X-Request-Id", "1234")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	return response.StatusCode
}

func TestEmbeddedServiceRunsItsTasksUntilItIsStopped(t *testing.T) {
	t.Parallel()
	j, url, stop := start(t, "-embedded")
	require.Equal(t, http.StatusAccepted, post(t, url+"/signups", `{"email": "ann@example.com", "name": "Ann"}`))
	require.Equal(t, http.StatusAccepted, post(t, url+"/imports", `{"feed": "https://example.com/feed"}`))
	require.Equal(t, http.StatusBadRequest, post(t, url+"/signups", `{"email": "nobody"}`))

	email := j.wait(t, "email sent", 1)[0]
	require.Equal(t, "Welcome, Ann!", email["subject"])
	require.Equal(t, "1234", email["request_id"])
	for i, page := range j.wait(t, "page imported", 3) {
		require.EqualValues(t, i+1, page["page"])
		require.Equal(t, "1234", page["request_id"], "handlers pass the id on")
	}
	stop()
	require.NotEmpty(t, j.records("stopping: waiting for requests and tasks that run"))
	require.Len(t, j.records("page imported"), 3)
	require.Empty(t, j.records("task failed; will be retried"))
}

func TestEmbeddedServicePrintsItsVariablesForAShell(t *testing.T) {
	t.Parallel()
	j, _, stop := start(t, "-embedded")
	stop()
	shell := exec.CommandContext(t.Context(), "sh", "-c", j.out.String()+"env")
	shell.Env = []string{"PATH=" + os.Getenv("PATH")}
	environment, err := shell.Output()
	require.NoError(t, err)
	require.Regexp(t, `(?m)^AWS_ENDPOINT_URL_SQS=http://127\.0\.0\.1:\d+$`, string(environment))
	for _, variable := range []string{"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=id", "AWS_SECRET_ACCESS_KEY=secret"} {
		require.Contains(t, string(environment), variable+"\n")
	}
}

// TestServiceDispatchesToQueuesOfItsEnvironment is not parallel: it sets the SDK's
// variables.
func TestServiceDispatchesToQueuesOfItsEnvironment(t *testing.T) {
	server := sqstest.NewServer()
	defer server.Close()
	t.Setenv("AWS_ENDPOINT_URL_SQS", server.URL)
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_PROFILE", "") // and no other setting of a developer's own
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_CA_BUNDLE", "")
	require.NoError(t, sqsx.Provision(t.Context(), server.Client(), "test-service", sqsx.ProvisionConfig{}))

	_, url, stop := start(t, "-queue", "test-service")
	require.Equal(t, http.StatusAccepted, post(t, url+"/signups", `{"email": "ann@example.com"}`))
	stop()
	messages := server.Queue(sqsx.QueueName("test-service", taskhawk.High)).Messages
	require.Len(t, messages, 1, "no worker runs here")
	require.Equal(t, "1234", messages[0].Attributes["request_id"])
	require.Equal(t, "users.send_welcome", messages[0].Attributes["taskhawk_task"])
}

func TestServiceRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	logger := slog.New(slog.DiscardHandler)
	require.Error(t, run(t.Context(), []string{"-nonsense"}, io.Discard, logger))
	require.ErrorContains(t, run(t.Context(), []string{"-listen", "nowhere"}, io.Discard, logger), "nowhere")
}
