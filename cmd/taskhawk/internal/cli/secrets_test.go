package cli_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// spy collects receipt handles on their way from the server.
type spy struct {
	next     http.RoundTripper
	mu       sync.Mutex
	receipts []string
	leaks    bool // requests with receipt handles fail, with these in the text of the error
}

var receiptHandle = regexp.MustCompile(`"ReceiptHandle":"([^"]+)"`)

// RoundTrip reads the answer.
func (s *spy) RoundTrip(r *http.Request) (*http.Response, error) {
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(sent))
	if handles := receiptHandle.FindAllString(string(sent), -1); s.leaks && len(handles) > 0 {
		text, err := json.Marshal(map[string]string{"__type": "com.amazonaws.sqs#InternalError", "message": strings.Join(handles, " ")})
		return &http.Response{
			StatusCode: http.StatusInternalServerError, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
			Body: io.NopCloser(bytes.NewReader(text)), Request: r,
		}, err
	}
	response, err := s.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	response.Body = io.NopCloser(bytes.NewReader(body))
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, found := range receiptHandle.FindAllSubmatch(body, -1) {
		s.receipts = append(s.receipts, string(found[1]))
	}
	return response, err
}

// No argument, header value or receipt handle is on the screen or in JSON unless asked
// for, whatever the command, its end and its errors.
func TestNothingShowsSecrets(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *console) {
		c.bury("a", "b")
		watch := &spy{next: c.server.HTTPClient().Transport}
		c.http = &http.Client{Transport: watch}
		file := filepath.Join(c.TempDir(), "letters.jsonl")
		c.ok("dlq", "save", file)
		c.ok("send", "a", "argument-secret", "k=keyword-secret", "--header", "h=header-secret")
		commands := [][]string{
			{"queues"}, {"check"}, {"provision"}, {"policy", "worker", "--account", "111122223333", "--region", "us-east-1"},
			{"version"}, {"dlq", "ls"}, {"dlq", "ls", "--task", "a", "--reason", "down"}, {"dlq", "show", "run-a-0"},
			{"dlq", "save", filepath.Join(c.TempDir(), "2")}, {"dlq", "load", file, "--dry-run"}, {"dlq", "load", file, "--yes"},
			{"peek", "default", "--yes"}, {"send", "a", `{"argument-secret`}, {"send", "a", "argument-secret", "--header", "header-secret"},
			{"dlq", "redrive", "--dry-run"}, {"dlq", "drop", "--dry-run", "--without-copy"},
			{"dlq", "drop", "--task", "b", "--save", filepath.Join(c.TempDir(), "3"), "--yes"},
			{"dlq", "redrive", "--yes", "--copy"}, {"purge", queue, "--confirm", queue},
		}
		run := func() {
			for _, command := range commands {
				for _, args := range [][]string{command, append([]string{"--json"}, command...)} {
					time.Sleep(10 * time.Minute) // letters that are not given back come back
					r := c.run(args...)
					all := r.out + r.err
					for _, secret := range append(watch.receipts, "argument-secret", "keyword-secret", "header-secret") {
						require.NotContains(t, all, secret, "%s", args)
					}
				}
			}
		}
		run()
		require.NotEmpty(t, watch.receipts)
		// Once more with errors that have receipt handles in their texts.
		c.bury("a", "b")
		watch.leaks = true
		run()
		time.Sleep(time.Hour)
		require.Contains(t, c.run("dlq", "drop", "--task", "b", "--without-copy", "--yes").err, "(receipt handle)")
		watch.leaks = false
		time.Sleep(time.Hour)
		require.Contains(t, c.ok("dlq", "ls", "--show-args"), "argument-secret", "the test looks for what there is")
		require.Contains(t, c.ok("dlq", "ls", "--show-args", "--json"), "header-secret")
	})
}
