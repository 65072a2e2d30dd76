//go:build e2e

package main_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// kills is how often each command is stopped by each signal: KILLS of the environment.
func kills(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("KILLS"))
	if err != nil {
		return 8
	}
	return n
}

// scene is a server with dead letters, and a command that is stopped at some moment.
type scene struct {
	*terminal

	server *sqstest.Server
	client *sqs.Client
	file   string // of drop and load
	bodies []string
}

const sceneLetters = 45

func newScene(t *testing.T) *scene {
	t.Helper()
	server := sqstest.NewServer()
	t.Cleanup(server.Close)
	s := &scene{terminal: newTerminal(t, server.URL), server: server, client: server.Client()}
	s.file = filepath.Join(t.TempDir(), "letters.jsonl")
	require.NoError(t, sqsx.Provision(t.Context(), s.client, app, sqsx.ProvisionConfig{}))
	url := aws.String(server.Queue(queue + "-DLQ").URL)
	for first := 0; first < sceneLetters; first += 9 {
		in := &sqs.SendMessageBatchInput{QueueUrl: url}
		for i := first; i < first+9; i++ {
			body := fmt.Sprintf(`{"id":"%d","metadata":{"priority":"default","timestamp":1,"version":"1.0"},"headers":{},"task":"a","args":[],"kwargs":{}}`, i)
			in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: &body})
			s.bodies = append(s.bodies, body)
		}
		_, err := s.client.SendMessageBatch(t.Context(), in)
		require.NoError(t, err)
	}
	return s
}

// on are the bodies on a queue, in flight or not.
func (s *scene) on(name string) (bodies []string) {
	for _, m := range s.server.Queue(name).Messages {
		bodies = append(bodies, m.Body)
	}
	return bodies
}

// inFile are the bodies of the file, without a last line that is cut off.
func (s *scene) inFile() (bodies []string) {
	content, _ := os.ReadFile(s.file)
	for line := range strings.Lines(string(content)) {
		var letter struct{ Body string }
		if strings.HasSuffix(line, "\n") && json.Unmarshal([]byte(line), &letter) == nil {
			bodies = append(bodies, letter.Body)
		}
	}
	return bodies
}

// stopped runs a command and sends it a signal when its n-th request comes in, of which
// every other one gets lost. It reports whether the signal was sent.
func (s *scene) stopped(signal syscall.Signal, n int, args ...string) (p *process, code int, sent bool) {
	s.Helper()
	p = &process{}
	var requests atomic.Int64
	ready, lost := make(chan struct{}), rand.N(2) == 0
	var fired atomic.Bool
	faults := []*sqstest.Injection{}
	for _, operation := range []string{
		sqstest.OpReceiveMessage, sqstest.OpSendMessageBatch, sqstest.OpDeleteMessageBatch, sqstest.OpChangeMessageVisibilityBatch,
	} {
		faults = append(faults, s.server.Inject(sqstest.Fault{On: operation, Do: sqstest.Reset(), If: func(sqstest.Request) bool {
			if requests.Add(1) != int64(n) {
				return false
			}
			<-ready
			fired.Store(p.Process.Signal(signal) == nil)
			return lost
		}}))
	}
	p = s.start(args...)
	close(ready)
	code = p.wait()
	for _, f := range faults {
		f.Remove()
	}
	return p, code, fired.Load()
}

// union is all texts, each once.
func union(lists ...[]string) []string {
	all := slices.Sorted(slices.Values(slices.Concat(lists...)))
	return slices.Compact(all)
}

// moments calls test with each signal at many requests.
func moments(t *testing.T, requests int, test func(t *testing.T, signal syscall.Signal, n int) bool) {
	t.Helper()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			stopped, wanted := 0, kills(t)
			// A command that ends before its n-th request is not stopped.
			for i := 0; stopped < wanted && i < 3*wanted; i++ {
				n := 1 + i%requests
				t.Run(fmt.Sprint(i), func(t *testing.T) {
					if test(t, signal, n) {
						stopped++
					}
				})
			}
			require.Equal(t, wanted, stopped)
			t.Logf("%d commands stopped", stopped)
		})
	}
}

func TestRedriveIsStoppedAtAnyMoment(t *testing.T) {
	t.Parallel()
	moments(t, 16, func(t *testing.T, signal syscall.Signal, n int) bool {
		t.Helper()
		s := newScene(t)
		p, code, sent := s.stopped(signal, n, "dlq", "redrive", "--copy", "--yes", "--json")
		dead, back := s.on(queue+"-DLQ"), s.on(queue)
		require.ElementsMatch(t, s.bodies, union(dead, back), "a letter is lost")
		require.Len(t, union(back), len(back), "a letter is copied twice")
		if signal == syscall.SIGKILL {
			require.LessOrEqual(t, len(dead)+len(back)-sceneLetters, 10, "copies of one batch")
			return sent && code == -1
		}
		var report struct {
			Count struct{ Moved, Doubled, Failed int }
		}
		require.NoError(t, json.Unmarshal(p.out.Bytes(), &report), "%s%s", &p.out, &p.err)
		require.Equal(t, len(dead)+len(back)-sceneLetters, report.Count.Doubled, "copies are told")
		require.Equal(t, len(back), report.Count.Moved)
		return sent && code == 1
	})
}

func TestDropIsStoppedAtAnyMoment(t *testing.T) {
	t.Parallel()
	moments(t, 11, func(t *testing.T, signal syscall.Signal, n int) bool {
		t.Helper()
		s := newScene(t)
		p, code, sent := s.stopped(signal, n, "dlq", "drop", "--save", s.file, "--yes", "--json")
		dead, kept := s.on(queue+"-DLQ"), s.inFile()
		require.ElementsMatch(t, s.bodies, union(dead, kept), "a letter is lost")
		if signal == syscall.SIGKILL {
			require.LessOrEqual(t, len(dead)+len(kept)-sceneLetters, 10, "copies of one batch")
			return sent && code == -1
		}
		var report struct {
			Count struct{ Dropped int }
			Saved int
		}
		require.NoError(t, json.Unmarshal(p.out.Bytes(), &report), "%s%s", &p.out, &p.err)
		require.Equal(t, len(kept), report.Saved)
		require.Equal(t, sceneLetters-len(dead), report.Count.Dropped)
		return sent && code == 1
	})
}

func TestLoadIsStoppedAtAnyMoment(t *testing.T) {
	t.Parallel()
	moments(t, 5, func(t *testing.T, signal syscall.Signal, n int) bool {
		t.Helper()
		s := newScene(t)
		s.ok("dlq", "drop", "--save", s.file, "--yes")
		require.Empty(t, s.on(queue+"-DLQ"))
		p, code, sent := s.stopped(signal, n, "dlq", "load", s.file, "--yes", "--json")
		dead := s.on(queue + "-DLQ")
		require.ElementsMatch(t, s.bodies, s.inFile(), "the file is as it was")
		require.Len(t, union(dead), len(dead), "a load makes no copies by itself")
		if signal == syscall.SIGKILL {
			return sent && code == -1
		}
		var report struct {
			Count struct{ Loaded, Failed int }
			Read  int
		}
		require.NoError(t, json.Unmarshal(p.out.Bytes(), &report), "%s%s", &p.out, &p.err)
		require.Len(t, dead, report.Count.Loaded, "what is loaded is told")
		s.ok("dlq", "load", s.file, "--yes", "--skip", strconv.Itoa(report.Read))
		require.ElementsMatch(t, s.bodies, s.on(queue+"-DLQ"), "and goes on behind it")
		return sent && code == 1
	})
}
