//go:build e2e

package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	app   = "dev-program"
	queue = "TASKHAWK-DEV-PROGRAM"
)

// program builds the program, once.
var program = sync.OnceValues(func() (string, error) {
	folder, err := filepath.Abs(filepath.Join("..", "..", ".tmp", "e2e"))
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, "taskhawk")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
})

// terminal runs commands of the program in processes of their own.
type terminal struct {
	*testing.T

	path     string
	endpoint string
	stdin    string
}

func newTerminal(t *testing.T, endpoint string) *terminal {
	t.Helper()
	path, err := program()
	require.NoError(t, err)
	return &terminal{T: t, path: path, endpoint: endpoint}
}

// environment has the endpoint and nothing else of AWS, as a developer's shell.
func (s *terminal) environment() []string {
	return []string{
		"AWS_ENDPOINT_URL_SQS=" + s.endpoint, "TASKHAWK_APP=" + app, "HOME=" + os.TempDir(), "PATH=" + os.Getenv("PATH"),
		"AWS_EC2_METADATA_DISABLED=true",
	}
}

// process is a command that has begun.
type process struct {
	*exec.Cmd

	out, err bytes.Buffer
}

func (s *terminal) start(args ...string) *process {
	s.Helper()
	p := &process{Cmd: exec.CommandContext(s.Context(), s.path, args...)}
	p.Env, p.Stdin, p.Stdout, p.Stderr = s.environment(), strings.NewReader(s.stdin), &p.out, &p.err
	require.NoError(s, p.Start())
	return p
}

// wait returns the exit code, -1 after a kill.
func (p *process) wait() int {
	_ = p.Wait()
	return p.ProcessState.ExitCode()
}

func (s *terminal) run(args ...string) (code int, out, err string) {
	s.Helper()
	p := s.start(args...)
	code = p.wait()
	return code, p.out.String(), p.err.String()
}

func (s *terminal) ok(args ...string) string {
	s.Helper()
	code, out, err := s.run(args...)
	require.Zero(s, code, "%s\n%s%s", args, out, err)
	return out
}

func (s *terminal) lines(args ...string) []map[string]any {
	s.Helper()
	var values []map[string]any
	for line := range strings.Lines(s.ok(append(args, "--json")...)) {
		var value map[string]any
		require.NoError(s, json.Unmarshal([]byte(line), &value), line)
		values = append(values, value)
	}
	return values
}

// report runs a command whose JSON is one document, and returns its counts.
func (s *terminal) counts(args ...string) map[string]int {
	s.Helper()
	var report struct{ Count map[string]int }
	require.NoError(s, json.Unmarshal([]byte(s.ok(append(args, "--json")...)), &report))
	return report.Count
}

// client is one of the SDK's at an endpoint.
func client(t *testing.T, endpoint string) *sqs.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return sqs.New(sqs.Options{
		BaseEndpoint: aws.String(endpoint), Region: "us-east-1", HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}

var errRefused = errors.New("connection refused")

type jobArgs struct {
	N    int
	Text string `taskhawk:"text,kw,optional"`
}

// work runs a worker until so many runs are over, and returns them.
func (s *terminal) work(runs int, outcome error) []taskhawk.Metadata {
	s.Helper()
	over := make(chan taskhawk.Metadata, 100)
	handle := func(ctx context.Context, _ jobArgs) error {
		over <- taskhawk.MetadataFrom(ctx)
		return outcome
	}
	var tasks []taskhawk.AnyTask
	for _, name := range []string{"a", "b"} {
		tasks = append(tasks, taskhawk.New(name, handle))
	}
	hub, err := taskhawk.NewHub(taskhawk.Config{Tasks: tasks, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(s, err)
	worker, err := sqsx.NewWorker(client(s.T, s.endpoint), app, hub, sqsx.WorkerConfig{WaitTime: time.Second})
	require.NoError(s, err)
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- worker.Run(ctx) }()
	var found []taskhawk.Metadata
	for len(found) < runs {
		select {
		case m := <-over:
			found = append(found, m)
		case <-ctx.Done():
			require.Fail(s, "the worker sees too few messages", "%d of %d", len(found), runs)
		}
	}
	cancel()
	require.NoError(s, <-done)
	return found
}

// serve runs taskhawk serve, and returns its URL.
func serve(t *testing.T, args ...string) (url string, stop func()) {
	t.Helper()
	s := newTerminal(t, "")
	cmd := exec.CommandContext(t.Context(), s.path, append([]string{"serve", "--listen", "127.0.0.1:0", "--json"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var announced struct{ URL string }
	require.NoError(t, json.NewDecoder(out).Decode(&announced))
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		require.NoError(t, cmd.Wait(), "a clean stop")
	}
	t.Cleanup(func() {
		if !stopped {
			stopped = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return announced.URL, stop
}

// An operator's night: provision, send, list, count, move back, save, drop, load, check.
func TestOperatorsNight(t *testing.T) {
	t.Parallel()
	for name, start := range services() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			endpoint := start(t)
			if endpoint == "" {
				return
			}
			night(newTerminal(t, endpoint))
		})
	}
}

func night(s *terminal) {
	code, _, _ := s.run("check")
	require.Equal(s, 1, code, "nothing is there yet")
	s.ok("provision")
	s.ok("check")
	for range 3 {
		s.ok("send", "a", "1", "text=x", "--header", "request_id=1", "--group", "tenant")
	}
	s.ok("send", "b", "2")
	first := s.work(4, taskhawk.Permanent(errRefused))

	letters := s.lines("dlq", "ls", "--task", "a")
	require.Len(s, letters, 3)
	require.Len(s, s.lines("dlq", "ls", "--reason", "refused"), 4)
	require.Equal(s, 4, s.counts("dlq", "redrive", "--reason", "refused", "--dry-run")["would_move"])

	file := filepath.Join(s.TempDir(), "letters.jsonl")
	s.ok("dlq", "save", file)
	before := saved(s.T, file)
	require.Equal(s, 4, s.counts("dlq", "drop", "--yes", "--without-copy")["dropped"])
	require.Empty(s, s.lines("dlq", "ls"))
	require.Equal(s, 4, s.counts("dlq", "load", file, "--yes")["loaded"])
	again := filepath.Join(s.TempDir(), "again.jsonl")
	s.ok("dlq", "save", again)
	require.ElementsMatch(s, before, saved(s.T, again), "ids, attributes and groups are kept")

	require.Equal(s, 4, s.counts("dlq", "redrive", "--reason", "refused", "--yes")["moved"])
	second := s.work(4, nil)
	require.ElementsMatch(s, ids(first), ids(second))
	require.Empty(s, s.lines("dlq", "ls"))

	s.ok("provision", "--app", "other", "--max-receive-count", "1")
	code, out, _ := s.run("check", "--app", "other")
	require.Equal(s, 1, code)
	require.Contains(s, out, "max-receive-count")
	code, _, _ = (&terminal{T: s.T, path: s.path, endpoint: "http://127.0.0.1:1"}).run("check")
	require.Equal(s, 2, code, "nothing can be seen")
}

func ids(runs []taskhawk.Metadata) (found []string) {
	for _, run := range runs {
		found = append(found, run.ID)
	}
	return found
}

// saved returns what of the letters of a file has to be kept.
func saved(t *testing.T, file string) (letters []string) {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	for line := range strings.Lines(string(content)) {
		var letter map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &letter))
		kept, err := json.Marshal([]any{letter["queue"], letter["body"], letter["attributes"], letter["group"]})
		require.NoError(t, err)
		letters = append(letters, string(kept))
	}
	return letters
}

// services are those that the night is spent with. A second opinion that is not installed
// is left out.
func services() map[string]func(t *testing.T) string {
	return map[string]func(t *testing.T) string{
		"serve": func(t *testing.T) string {
			t.Helper()
			url, _ := serve(t)
			return url
		},
		"fauxqs":        func(t *testing.T) string { t.Helper(); return startNode(t, "fauxqs") },
		"local-aws-sqs": func(t *testing.T) string { t.Helper(); return startNode(t, "local-aws-sqs") },
	}
}

// startNode starts a service that make e2e has installed; "" if it is not.
func startNode(t *testing.T, name string) string {
	t.Helper()
	installed := filepath.Join("..", "..", ".tmp", "e2e")
	if _, err := os.Stat(filepath.Join(installed, "node_modules")); err != nil {
		t.Logf("left out: %s, which make e2e installs", name)
		return ""
	}
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
	port := make([]byte, 16)
	n, err := stdout.Read(port)
	require.NoError(t, err, "the port of %s", name)
	return "http://127.0.0.1:" + strings.TrimSpace(string(port[:n]))
}

// What serve holds is there again after a stop, also after a kill once it was saved.
func TestServeKeepsQueuesInItsFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "queues.json")
	url, stop := serve(t, app, "--file", file)
	s := newTerminal(t, url)
	s.ok("send", "a", "1", "--id", "my-run")
	stop()
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	url, _ = serve(t, "--file", file)
	s = newTerminal(t, url)
	require.Equal(t, "my-run", s.work(1, nil)[0].ID)
	require.Empty(t, s.lines("peek", "default", "--yes"))
}

// A shell that completes asks the program itself.
func TestCompletion(t *testing.T) {
	t.Parallel()
	s := newTerminal(t, "")
	for line, want := range map[string]string{
		"taskhawk dlq re": "redrive\n", "taskhawk dlq redrive --reas": "--reason\n", "taskhawk policy w": "worker\n",
		"taskhawk send a --priority h": "high\n",
	} {
		cmd := exec.CommandContext(t.Context(), s.path)
		cmd.Env = append(s.environment(), "COMP_LINE="+line)
		out, err := cmd.Output()
		require.NoError(t, err)
		require.Equal(t, want, string(out), line)
	}
}
