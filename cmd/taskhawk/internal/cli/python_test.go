package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// capture is a message as the Python library sent it.
type capture struct {
	Case       string
	Body       string
	Attributes map[string]struct{ DataType, StringValue string }
}

func captures(t *testing.T) (all []capture) {
	t.Helper()
	text, err := os.ReadFile("../../../../taskhawk/testdata/wire/taskhawk-python-1.4.0.jsonl")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		var c capture
		require.NoError(t, json.Unmarshal([]byte(line), &c))
		if c.Body != "" {
			all = append(all, c)
		}
	}
	require.Greater(t, len(all), 30)
	return all
}

// Dead letters of Python programs are listed with their tasks, also those whose arguments
// are no JSON.
func TestDeadLettersOfPythonHaveTheirTasks(t *testing.T) {
	t.Parallel()
	all := captures(t)
	inBubble(t, func(c *console) {
		url := aws.String(c.server.Queue(sqsx.DeadLetterQueueName(queue)).URL)
		var want []string
		for _, python := range all {
			attributes := map[string]types.MessageAttributeValue{}
			for name, value := range python.Attributes {
				if value.StringValue != "" && len(attributes) < 10 {
					attributes[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value.StringValue)}
				}
			}
			_, err := c.client.SendMessage(c.Context(), &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String(python.Body), MessageAttributes: attributes})
			require.NoError(t, err, python.Case)
			want = append(want, regexp.MustCompile(`"task": "([^"]+)"`).FindStringSubmatch(python.Body)[1])
		}
		var got []string
		for _, letter := range c.lines("dlq", "ls", "--limit", "0") {
			got = append(got, letter["task"].(string))
		}
		require.Equal(t, want, got)
	})
}

// What send sends for a call is, but for id and time, what the Python library sends.
func TestSendSendsWhatPythonSends(t *testing.T) {
	t.Parallel()
	all := captures(t)
	inBubble(t, func(c *console) {
		for _, python := range all {
			want, err := taskhawk.ParseMessage(python.Body)
			if err != nil || !json.Valid([]byte(python.Body)) {
				continue // NaN and the like, which are no JSON
			}
			c.ok(commandOf(c, want)...)
			sent := c.sent(want.Priority)
			got := sent[len(sent)-1]
			require.Equal(t, compact(c, want.Args), got.Args, python.Case)
			require.JSONEq(t, compact(c, want.Kwargs), got.Kwargs, python.Case)
			require.Equal(t, want.Headers, got.Headers, python.Case)
			require.Equal(t, want.Task, got.Task)
		}
	})
}

// commandOf is the command line of a message.
func commandOf(c *console, m *taskhawk.Message) []string {
	c.Helper()
	var args []json.RawMessage
	var kwargs map[string]json.RawMessage
	require.NoError(c, json.Unmarshal([]byte(m.Args), &args))
	require.NoError(c, json.Unmarshal([]byte(m.Kwargs), &kwargs))
	command := []string{"send", "--priority", m.Priority.String()}
	for name, value := range m.Headers {
		command = append(command, "--header", name+"="+value)
	}
	command = append(command, "--", m.Task)
	for _, value := range args {
		command = append(command, string(value))
	}
	for name, value := range kwargs {
		command = append(command, name+"="+string(value))
	}
	return command
}

func compact(c *console, text string) string {
	c.Helper()
	var out bytes.Buffer
	require.NoError(c, json.Compact(&out, []byte(text)))
	return out.String()
}
