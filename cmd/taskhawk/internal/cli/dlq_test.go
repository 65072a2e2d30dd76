package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

type jobArgs struct {
	Secret string
	Extra  string `taskhawk:"extra,kw,optional"`
}

var errDown = errors.New("service is down")

// inBubble runs a test in a bubble, with the queues of the application.
func inBubble(t *testing.T, test func(c *console)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := newConsole(t)
		c.provision(sqsx.ProvisionConfig{})
		test(c)
	})
}

// bury dispatches runs of tasks, and has a worker fail them for good.
func (c *console) bury(tasks ...string) {
	c.Helper()
	for i, name := range tasks {
		c.ok("send", name, "argument-secret", "extra=keyword-secret", "--header", "request_id=header-secret",
			"--id", fmt.Sprintf("run-%s-%d", name, i), "--group", fmt.Sprintf("tenant-%d", i%2))
	}
	c.work(func(context.Context, jobArgs) error { return taskhawk.Permanent(errDown) })
}

// work runs a worker until all queues are empty.
func (c *console) work(handle func(context.Context, jobArgs) error) {
	c.Helper()
	var tasks []taskhawk.AnyTask
	for _, name := range []string{"a", "b"} {
		tasks = append(tasks, taskhawk.New(name, handle))
	}
	hub, err := taskhawk.NewHub(taskhawk.Config{Tasks: tasks, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(c, err)
	worker, err := sqsx.NewWorker(c.client, app, hub, sqsx.WorkerConfig{AbortPolls: true})
	require.NoError(c, err)
	ctx, cancel := context.WithCancel(c.Context())
	done := make(chan error, 1)
	go func() { done <- worker.Run(ctx) }()
	time.Sleep(5 * time.Second)
	cancel()
	require.NoError(c, <-done)
}

func (c *console) dead() int   { return c.server.Queue(sqsx.DeadLetterQueueName(queue)).Visible }
func (c *console) queued() int { return len(c.server.Queue(queue).Messages) }

const queue = "TASKHAWK-DEV-MYAPP"

// A poll that finds a queue empty takes a second: four take no longer.
func TestEmptyQueuesAreListedInASecond(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *console) {
		for _, args := range [][]string{
			{"dlq", "ls"}, {"dlq", "save", "--json"}, {"dlq", "redrive", "--dry-run"}, {"dlq", "drop", "--without-copy", "--dry-run"},
		} {
			began := time.Now()
			c.ok(args...)
			require.Equal(t, time.Second, time.Since(began), args)
		}
	})
}

func TestDeadLettersAreListedAndMovedBack(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *console) {
		c.bury("a", "b", "a", "a")
		letters := c.lines("dlq", "ls", "--task", "a")
		require.Len(t, letters, 3)
		letter := letters[0]
		require.Equal(t, "service is down", letter["reason"])
		require.Equal(t, "a", letter["task"])
		require.Equal(t, queue, letter["queue"])
		require.InDelta(t, 1, letter["attempt"], 0)
		require.NotContains(t, letter, "body")
		table := c.ok("dlq", "ls")
		require.Equal(t, 5, strings.Count(table, "\n"), table)
		require.Regexp(t, `^ID +TASK +QUEUE +SENT +ATTEMPTS +SIZE +REASON\n`, table)
		require.Regexp(t, `\nrun-a-\d +a +TASKHAWK-DEV-MYAPP +\d+s +1 +\d+ +service is down\n`, table)

		var dry, done struct {
			Count struct {
				Moved     int
				WouldMove int `json:"would_move"`
				Skipped   int
			}
			Queues []struct{ Queue, By string }
		}
		filter := []string{"dlq", "redrive", "--reason", "down", "--task", "a", "--since", "1h", "--json"}
		require.NoError(t, json.Unmarshal([]byte(c.ok(append(filter, "--dry-run")...)), &dry))
		require.Equal(t, 3, dry.Count.WouldMove)
		require.Equal(t, 4, c.dead())
		require.NoError(t, json.Unmarshal([]byte(c.ok(append(filter, "--yes")...)), &done))
		require.Equal(t, dry.Count.WouldMove, done.Count.Moved, "a dry run counts what the real run moves")
		require.Equal(t, "copy", done.Queues[1].By)
		require.Equal(t, []int{1, 3}, []int{c.dead(), c.queued()})
		require.Empty(t, c.lines("dlq", "ls", "--task", "a"))
		require.Contains(t, c.ok("dlq", "redrive", "--yes"), "TASKHAWK-DEV-MYAPP: 1 moved, by SQS\n")
		require.Zero(t, c.dead())
	})
}

func TestShowHasAllOfALetter(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *console) {
		c.bury("a", "b")
		out := c.ok("dlq", "show", "run-b-1")
		require.Regexp(t, `(?m)^task +b$`, out)
		require.Regexp(t, `(?m)^goes back to +TASKHAWK-DEV-MYAPP$`, out)
		require.Regexp(t, `(?m)^receives +\d+, this look included$`, out)
		require.Regexp(t, `(?m)^arguments +1 positional; keyword: extra; headers: request_id$`, out)
		require.Regexp(t, `(?m)^attributes +request_id, taskhawk_attempt, taskhawk_reason, taskhawk_task$`, out)
		full := c.ok("dlq", "show", "run-b-1", "--show-args")
		require.Regexp(t, `(?m)^attribute +request_id = header-secret$`, full)
		require.Contains(t, full, "  \"args\": [\n    \"argument-secret\"\n  ],\n")
		var letter map[string]any
		require.NoError(t, json.Unmarshal([]byte(c.ok("dlq", "show", "run-b-1", "--show-args", "--json")), &letter))
		require.Contains(t, letter["body"], "argument-secret")
		missing := c.run("dlq", "show", "nope")
		require.Equal(t, 1, missing.code)
		require.Equal(t, 2, c.dead(), "no look moves a letter")
	})
}

func TestDropNeedsACopyOrWithoutCopy(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *console) {
		c.bury("a", "b")
		require.Equal(t, 2, c.run("dlq", "drop", "--yes").code)
		require.Equal(t, 2, c.dead())
		file := filepath.Join(c.TempDir(), "letters.jsonl")
		require.Equal(t, 2, c.run("dlq", "drop", "--yes", "--save", file, "--without-copy").code)
		require.Contains(t, c.ok("dlq", "drop", "--yes", "--save", file, "--task", "a"), "TASKHAWK-DEV-MYAPP-DLQ: 1 dropped, 1 skipped")
		require.Equal(t, 1, c.dead())
		again := c.run("dlq", "drop", "--yes", "--save", file)
		require.Equal(t, 2, again.code, "a file is not replaced")
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		require.Contains(t, c.ok("dlq", "load", file, "--yes"), "TASKHAWK-DEV-MYAPP-DLQ: 1 loaded\n1 loaded\n")
		require.Equal(t, 2, c.dead())
		c.ok("dlq", "drop", "--yes", "--without-copy")
		require.Zero(t, c.dead())
	})
}

// Saved, dropped and loaded, letters are what they were, also with other names of the
// queues; run again, they have their arguments, headers and ids.
func TestSaveAndLoadKeepLetters(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *console) {
		c.bury("a", "b", "a")
		name := sqsx.DeadLetterQueueName(queue)
		before := c.server.Queue(name).Messages
		file := filepath.Join(c.TempDir(), "letters.jsonl")
		c.ok("dlq", "save", file)
		c.stdin = c.ok("dlq", "save")
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, 3, strings.Count(string(content), "\n"))
		c.ok("dlq", "drop", "--without-copy", "--yes")
		require.Equal(t, 2, c.run("dlq", "load").code, "no question can be asked")
		var report map[string]any
		require.NoError(t, json.Unmarshal([]byte(c.ok("dlq", "load", "--yes", "--json")), &report))
		require.InDelta(t, 3, report["read"], 0)
		after := c.server.Queue(name).Messages
		require.Len(t, after, 3)
		for i := range after {
			require.Equal(t, before[i].Body, after[i].Body)
			require.Equal(t, before[i].Attributes, after[i].Attributes)
			require.Equal(t, before[i].GroupID, after[i].GroupID)
		}
		c.ok("dlq", "load", file, "--yes", "--run", "--skip", "1", "--task", "a")
		want := map[string]string{}
		for _, letter := range parseLines(c.T, string(content))[1:] {
			if letter["task"] == "a" {
				want[fmt.Sprint(letter["id"])] = "argument-secretkeyword-secretheader-secret"
			}
		}
		var mu sync.Mutex
		ran := map[string]string{}
		c.work(func(ctx context.Context, args jobArgs) error {
			mu.Lock()
			defer mu.Unlock()
			ran[taskhawk.MetadataFrom(ctx).ID] = args.Secret + args.Extra + taskhawk.MetadataFrom(ctx).Headers["request_id"]
			return nil
		})
		require.Equal(t, want, ran)
		require.NotEmpty(t, ran)
	})
}

func TestLoadSaysWhatIsWrongWithAFile(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *console) {
		c.bury("a")
		good := c.ok("dlq", "save")
		c.stdin = good + "\n{\"queue\":\"argument-secret\"}\n" + good
		r := c.run("dlq", "load", "--yes")
		require.Equal(t, 1, r.code)
		require.Contains(t, r.err, "line 3: not a letter of taskhawk dlq save")
		require.Contains(t, r.err, "to continue: --skip 1")
		require.Equal(t, 2, c.dead())
		c.stdin = strings.ReplaceAll(good, queue, "TASKHAWK-OTHER")
		r = c.run("dlq", "load", "--yes")
		require.Equal(t, 1, r.code)
		require.NotContains(t, r.err, "--skip", "nothing was done that a next call could skip")
		require.Equal(t, 2, c.run("dlq", "load", "missing.jsonl", "--yes").code)
	})
}

// A question about no letters is none: also a script gets an answer without --yes.
func TestNoQuestionWithoutDeadLetters(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *console) {
		for _, command := range [][]string{{"dlq", "redrive"}, {"dlq", "drop", "--without-copy"}} {
			r := c.run(command...)
			require.Zero(t, r.code)
			require.Equal(t, "taskhawk: no dead letters of dev-myapp; SQS counts up to a minute late; --yes looks for them anyway\n", r.err)
		}
		c.bury("a")
		held, err := c.client.ReceiveMessage(c.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: aws.String(c.server.Queue(sqsx.DeadLetterQueueName(queue)).URL), WaitTimeSeconds: 1,
		})
		require.NoError(t, err)
		require.Len(t, held.Messages, 1)
		require.Contains(t, c.run("dlq", "redrive").err, "no dead letters of dev-myapp to receive, 1 are in flight")
		missing := c.run("dlq", "redrive", "--app", "nope")
		require.Equal(t, 1, missing.code)
		require.Contains(t, missing.err, "create queues with taskhawk provision nope")
		require.NotContains(t, missing.err, "?")
	})
}

// A letter that SQS moved has no reason: the list says where to find it.
func TestLettersThatSQSMovedNameTheLog(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *console) {
		c.ok("send", "a", "--id", "my-run")
		c.work(func(context.Context, jobArgs) error { return errDown })
		for range 10 {
			if c.dead() == 0 {
				c.work(func(context.Context, jobArgs) error { return errDown })
				time.Sleep(time.Hour)
			}
		}
		require.Contains(t, c.ok("dlq", "ls"), "  (moved by SQS, received too often; see the worker's log)\n")
		require.Contains(t, c.ok("dlq", "show", "my-run"), "see the worker's log")
	})
}

// Without a terminal nothing is done unless --yes says so; on a terminal only y does it.
func TestQuestions(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *console) {
		c.bury("a", "b")
		file := filepath.Join(c.TempDir(), "letters.jsonl")
		commands := [][]string{
			{"dlq", "redrive"}, {"dlq", "drop", "--without-copy"}, {"dlq", "load", file}, {"peek", "high"}, {"purge", queue + "-DLQ"},
		}
		c.ok("dlq", "save", file)
		for _, answer := range []*string{nil, new(""), new("n\n"), new("no way\n")} {
			c.answers = answer
			for _, command := range commands {
				r := c.run(command...)
				require.NotZero(t, r.code, command)
				require.Contains(t, r.err, "?", "%s asks", command)
				require.Equal(t, []int{2, 0}, []int{c.dead(), c.queued()}, command)
			}
		}
		c.answers = new("y\n")
		require.Equal(t, 1, c.run("purge", queue+"-DLQ").code, "the name is asked for")
		r := c.run("dlq", "redrive", "--task", "a")
		require.Zero(t, r.code, r.err)
		require.Contains(t, r.err, "Move the dead letters of a of dev-myapp (at http://127.0.0.1:1) back to their queues? About 2 dead letters are there. [y/N]")
		require.Equal(t, []int{1, 1}, []int{c.dead(), c.queued()})
		c.answers = new(queue + "-DLQ\n")
		require.Zero(t, c.run("purge", queue+"-DLQ").code)
		require.Equal(t, []int{0, 1}, []int{c.dead(), c.queued()})
		c.answers = nil
		c.ok("purge", queue, "--confirm", queue)
		require.Zero(t, c.queued())
	})
}

func TestPeekLooksAtWaitingMessages(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *console) {
		for range 12 {
			c.ok("send", "a", "argument-secret", "--priority", "high")
		}
		require.Len(t, c.lines("peek", "high", "--yes"), 10)
		name := queue + "-HIGH-PRIORITY"
		out := c.ok("peek", name, "--yes", "--limit", "2", "--show-args")
		require.Contains(t, out, "argument-secret")
		require.Contains(t, out, "2 of 5")
		for range 2 {
			c.ok("peek", "high", "--yes", "--limit", "12")
		}
		r := c.run("peek", name, "--yes", "--limit", "12")
		require.Zero(t, r.code)
		require.Contains(t, r.err, "of these are at their last receive")
		require.Equal(t, 12, c.server.Queue(name).Visible)
		for _, wrong := range []string{queue + "-DLQ", "other"} {
			require.Equal(t, 2, c.run("peek", wrong, "--yes").code)
		}
		c.provision(sqsx.ProvisionConfig{Naming: func(app string, p taskhawk.Priority) string { return sqsx.QueueName(app, p) + ".fifo" }})
		require.Empty(t, c.lines("peek", queue+"-BULK.fifo", "--yes"))
	})
}

func TestSinceIsADurationADateOrATime(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *console) {
		c.bury("a")
		time.Sleep(25 * time.Hour)
		sent := time.Now().Add(-25 * time.Hour)
		for since, want := range map[string]int{
			"1d": 0, "2d": 1, "24h": 0, "26h": 1, sent.Add(-time.Hour).Format(time.RFC3339): 1,
			sent.Add(time.Hour).Format("2006-01-02 15:04"): 0, "2000-01-01": 1, "2000-01-02": 0,
		} {
			require.Len(t, c.lines("dlq", "ls", "--since", since), want, since)
		}
		for _, wrong := range []string{"x", "-1h", "1x", "-2d", "2000-13-01"} {
			require.Equal(t, 2, c.run("dlq", "ls", "--since="+wrong).code, wrong)
		}
		require.Equal(t, 2, c.run("dlq", "ls", "--reason", "(").code)
	})
}
