package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// sent are the messages on a queue.
func (c *console) sent(priority taskhawk.Priority) []*taskhawk.Message {
	c.Helper()
	var messages []*taskhawk.Message
	for _, m := range c.server.Queue(sqsx.QueueName(app, priority)).Messages {
		message, err := taskhawk.ParseMessage(m.Body)
		require.NoError(c, err)
		messages = append(messages, message)
	}
	return messages
}

func TestSendWritesWhatTheLibraryReads(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	c.provision(sqsx.ProvisionConfig{})
	id := strings.TrimSpace(c.ok("send", "tasks.a", "ann@example.com", "12", `"12"`, "1e400", "é<", "n= [1, 2]", "s=plain", "e=",
		"--priority", "low", "--header", "request_id=a=b", "--group", "tenant"))
	message := c.sent(taskhawk.Low)[0]
	require.Equal(t, id, message.ID)
	require.Equal(t, "tasks.a", message.Task)
	require.Equal(t, `["ann@example.com",12,"12",1e400,"é<"]`, message.Args)
	require.JSONEq(t, `{"n":[1,2],"s":"plain","e":""}`, message.Kwargs)
	require.Equal(t, taskhawk.Headers{"request_id": "a=b"}, message.Headers)
	stored := c.server.Queue(sqsx.QueueName(app, taskhawk.Low)).Messages[0]
	require.Equal(t, "tenant", stored.GroupID)
	require.Equal(t, map[string]string{"taskhawk_task": "tasks.a", "request_id": "a=b"}, stored.Attributes)

	out := c.lines("send", "tasks.b", "--id", "my-id")
	require.Equal(t, []map[string]any{{"id": "my-id", "task": "tasks.b", "queue": "TASKHAWK-DEV-MYAPP"}}, out)
	require.Equal(t, "[]", c.sent(taskhawk.Default)[0].Args)
	require.Equal(t, "{}", c.sent(taskhawk.Default)[0].Kwargs)
}

func TestSendReadsRunsFromAFile(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	c.provision(sqsx.ProvisionConfig{})
	file := filepath.Join(t.TempDir(), "runs.jsonl")
	require.NoError(t, os.WriteFile(file, []byte(strings.Repeat("{\"args\": [1], \"kwargs\": {\"a\": 2}}\n\n{}\n", 120)), 0o600))
	require.Equal(t, 240, strings.Count(c.ok("send", "tasks.a", "--file", file), "\n"))
	require.Len(t, c.sent(taskhawk.Default), 240)
	require.Equal(t, 24, c.server.Requests("SendMessageBatch"), "ten in a request")
	c.stdin = `{"args":[3]}`
	c.ok("send", "tasks.a", "--file", "-")
	require.Equal(t, "[3]", c.sent(taskhawk.Default)[240].Args)
	for text, want := range map[string]string{
		`{"args":{}}`: "args does not begin with [", `{"args":[1]`: "not JSON", "[]": "not an object", `{"x":1}`: "not an object",
		`{"kwargs":[]}`: "kwargs does not begin with {", "{}{}": "not JSON",
	} {
		c.stdin = "{}\n" + text
		r := c.run("send", "tasks.a", "--file", "-")
		require.Equal(t, 1, r.code)
		require.Contains(t, r.err, "line 2; 1 runs before it are sent: ")
		require.Contains(t, r.err, want)
	}
}

func TestSendSaysWhatSQSWouldRefuse(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	c.provision(sqsx.ProvisionConfig{})
	r := c.run("send", "tasks.a", "--delay", "16m")
	require.Equal(t, 2, r.code)
	require.Equal(t, "taskhawk: nothing sent: --delay takes up to 15m; for later runs use a schedule, see docs/guide.md\n", r.err)
	require.Empty(t, c.sent(taskhawk.Default))
}

func FuzzSendArguments(f *testing.F) {
	f.Add("1")
	f.Add(`a={"b": [1]}`)
	f.Add(`"`)
	f.Fuzz(func(t *testing.T, text string) {
		c := newConsole(t)
		c.provision(sqsx.ProvisionConfig{Priorities: []taskhawk.Priority{taskhawk.Default}})
		if c.run("send", "tasks.a", "--", text).code != 0 {
			require.Empty(t, c.sent(taskhawk.Default))
			return
		}
		message := c.sent(taskhawk.Default)[0]
		require.True(t, json.Valid([]byte(message.Args)), message.Args)
		require.True(t, json.Valid([]byte(message.Kwargs)), message.Kwargs)
	})
}
