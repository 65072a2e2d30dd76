//go:build e2e

package e2e_test

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// A service is something that speaks the protocol of SQS.
type service struct {
	name  string
	start func(t *testing.T) (endpoint string)
}

// embedded is the server that the others give their opinion on.
const embedded = "sqstest"

func services() []service {
	return []service{
		{embedded, startEmbedded},
		{"fauxqs", startFauxqs},
		{"local-aws-sqs", startLocal},
	}
}

func startEmbedded(t *testing.T) string {
	t.Helper()
	server := sqstest.NewServer()
	t.Cleanup(server.Close)
	return server.URL
}

func startFauxqs(t *testing.T) string {
	t.Helper()
	return startNode(t, "fauxqs")
}

func startLocal(t *testing.T) string {
	t.Helper()
	return startNode(t, "local-aws-sqs")
}

// installed is where make e2e installs the services.
const installed = "../../.tmp/e2e"

// startNode starts a service in its own process, which ends with the test, or with
// this process however that ends.
func startNode(t *testing.T, name string) string {
	t.Helper()
	require.DirExists(t, filepath.Join(installed, "node_modules"), "run make e2e")
	process := exec.CommandContext(t.Context(), "node", "serve.mjs", name)
	process.Dir, process.Stderr = installed, os.Stderr
	stdin, err := process.StdinPipe()
	require.NoError(t, err)
	stdout, err := process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, process.Start())
	t.Cleanup(func() {
		require.NoError(t, stdin.Close())
		_ = process.Wait() // killed when the context has ended
	})
	port, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err, "the port of %s", name)
	return "http://127.0.0.1:" + strings.TrimSpace(port)
}

// newClient makes a client that does not retry, so that a case sees every answer. It makes
// a connection for each request: node closes one that was idle for 5 s, perhaps while the
// next request is on its way.
func newClient(t *testing.T, endpoint string) *sqs.Client {
	t.Helper()
	return sqs.New(sqs.Options{
		BaseEndpoint: aws.String(endpoint), Region: "us-east-1", RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		HTTPClient:  &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute},
	})
}
