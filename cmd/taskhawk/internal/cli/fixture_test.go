package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/cli"
	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// TestMain hides the developer's own configuration of AWS from the tests.
func TestMain(m *testing.M) {
	for _, name := range []string{"AWS_PROFILE", "AWS_CA_BUNDLE"} {
		_ = os.Unsetenv(name)
	}
	_ = os.Setenv("AWS_CONFIG_FILE", os.DevNull)
	goleak.VerifyTestMain(m)
}

const app = "dev-myapp"

// console runs commands against an embedded server, in process.
type console struct {
	*testing.T

	server *sqstest.Server
	client *sqs.Client
	stdin  string
	http   *http.Client
	// answers are typed on a terminal; nil for none there.
	answers *string
}

func newConsole(t *testing.T) *console {
	t.Helper()
	c := &console{T: t, server: sqstest.NewUnstartedServer()}
	t.Cleanup(c.server.Close)
	c.client, c.http = c.server.Client(), c.server.HTTPClient()
	return c
}

// result is what a command wrote, and its exit code.
type result struct {
	code     int
	out, err string
}

// buffer is a bytes.Buffer for concurrent use.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (c *console) run(args ...string) result {
	c.Helper()
	return c.runIn(c.Context(), args...)
}

func (c *console) runIn(ctx context.Context, args ...string) result {
	c.Helper()
	var out, err buffer
	streams := program.Streams{In: strings.NewReader(c.stdin), Out: &out, Err: &err, HTTP: c.http}
	if c.answers != nil {
		streams.In, streams.Interactive = strings.NewReader(*c.answers), true
	}
	args = append([]string{"--endpoint-url", "http://127.0.0.1:1", "--app", app}, args...)
	code := cli.Run(ctx, args, streams)
	return result{code: code, out: out.String(), err: err.String()}
}

// ok runs a command that succeeds, and returns what it wrote to its standard output.
func (c *console) ok(args ...string) string {
	c.Helper()
	r := c.run(args...)
	require.Zero(c, r.code, "%s\n%s", r.err, r.out)
	return r.out
}

// lines runs a command with --json, and returns its lines.
func (c *console) lines(args ...string) []map[string]any {
	c.Helper()
	return parseLines(c.T, c.ok(append(args, "--json")...))
}

func parseLines(t *testing.T, text string) []map[string]any {
	t.Helper()
	var values []map[string]any
	for line := range strings.Lines(text) {
		var value map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &value), line)
		values = append(values, value)
	}
	return values
}

func (c *console) provision(config sqsx.ProvisionConfig) {
	c.Helper()
	require.NoError(c, sqsx.Provision(c.Context(), c.client, app, config))
}
