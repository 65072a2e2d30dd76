package sqsx_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// capture is a message of the Python library, or a message that it was tried with, and
// the required result.
type capture struct {
	Case       string
	Queue      string
	Body       string
	Attributes map[string]struct{ StringValue string }

	want struct {
		Task  string
		Args  json.RawMessage
		Error string
	}
}

func captures(t *testing.T, name string) []capture {
	t.Helper()
	lines, wants := jsonLines(t, name+".jsonl"), jsonLines(t, name+".want.jsonl")
	require.Len(t, wants, len(lines))
	all := make([]capture, len(lines))
	for i := range lines {
		require.NoError(t, json.Unmarshal([]byte(lines[i]), &all[i]))
		require.NoError(t, json.Unmarshal([]byte(wants[i]), &all[i].want))
	}
	return all
}

func jsonLines(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile("../taskhawk/testdata/wire/" + name)
	require.NoError(t, err)
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// wireRun is what ran, by the id of the SQS message.
type wireRun struct {
	mu   sync.Mutex
	args map[string]string
}

func wireTask[Args any](name string, run *wireRun) *taskhawk.Task[Args] {
	return taskhawk.New(name, func(ctx context.Context, args Args) error {
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(args); err != nil {
			return err
		}
		message, _ := sqsx.MessageFrom(ctx)
		run.mu.Lock()
		defer run.mu.Unlock()
		run.args[*message.MessageId] += name + " " + strings.TrimSpace(text.String())
		return nil
	})
}

// The Go signatures of the Python functions behind the messages.
type (
	wireEmailArgs struct {
		To, Subject string
		FromEmail   *string `taskhawk:"from_email,optional"`
	}
	wireEchoArgs struct {
		A    json.RawMessage            `taskhawk:"a,optional" json:",omitempty"`
		B    json.RawMessage            `taskhawk:"b,optional" json:",omitempty"`
		C    json.RawMessage            `taskhawk:"c,optional" json:",omitempty"`
		Rest map[string]json.RawMessage `taskhawk:",rest"      json:",omitempty"`
	}
	wireTypedArgs struct {
		N    int
		Flag bool `taskhawk:"flag,optional"`
	}
	wireKeywordArgs struct {
		X int `taskhawk:"x,kw"`
	}
	wireMetaArgs struct{ X int }
)

func wireHub(t *testing.T, run *wireRun) *taskhawk.Hub {
	t.Helper()
	hub, err := taskhawk.NewHub(taskhawk.Config{
		Tasks: []taskhawk.AnyTask{
			wireTask[wireEmailArgs]("tasks.send_email", run), wireTask[wireEchoArgs]("tasks.echo", run),
			wireTask[numberArgs]("tasks.urgent", run), wireTask[struct{}]("tasks.no_args", run),
			wireTask[wireMetaArgs]("tasks.meta", run), wireTask[wireTypedArgs]("tasks.typed", run),
			wireTask[wireKeywordArgs]("tasks.kwonly", run),
		},
		Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	return hub
}

// TestPythonMessages puts every captured message on the queues and lets a worker run
// them. Legal messages run once, with the right values, and are deleted. The others
// never run, and end as dead letters, unchanged.
func TestPythonMessages(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"taskhawk-python-1.4.0", "python-accepts"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := captures(t, name)
			synctest.Test(t, func(t *testing.T) {
				server := sqstest.NewUnstartedServer()
				defer server.Close()
				client := server.Client()
				require.NoError(t, sqsx.Provision(t.Context(), client, "interop", sqsx.ProvisionConfig{}))
				run := &wireRun{args: map[string]string{}}
				ids := sendCaptures(t, client, all)
				workUntilDrained(t, client, wireHub(t, run))
				for id, c := range ids {
					requireCapture(t, server, run, id, c)
				}
			})
		})
	}
}

// sendCaptures sends each message as Python did, but for attributes that SQS refuses.
func sendCaptures(t *testing.T, client *sqs.Client, all []capture) map[string]capture {
	t.Helper()
	ids := map[string]capture{}
	for _, c := range all {
		if c.Queue == "" {
			c.Queue = "TASKHAWK-INTEROP"
		}
		attributes := map[string]types.MessageAttributeValue{}
		for name, value := range c.Attributes {
			if awsbatch.ValidAttributeValue(value.StringValue) && len(attributes) < awsbatch.MaxAttributes {
				attributes[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value.StringValue)}
			}
		}
		url, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &c.Queue})
		require.NoError(t, err)
		out, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{
			QueueUrl: url.QueueUrl, MessageBody: &c.Body, MessageAttributes: attributes,
		})
		require.NoError(t, err, c.Case)
		ids[*out.MessageId] = c
	}
	return ids
}

func workUntilDrained(t *testing.T, client *sqs.Client, hub *taskhawk.Hub) {
	t.Helper()
	worker, err := sqsx.NewWorker(client, "interop", hub, sqsx.WorkerConfig{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- worker.Run(ctx) }()
	time.Sleep(3 * time.Hour)
	cancel()
	require.NoError(t, <-done)
}

func requireCapture(t *testing.T, server *sqstest.Server, run *wireRun, id string, c capture) {
	t.Helper()
	for _, message := range server.Queue(c.Queue).Messages {
		require.NotEqual(t, id, message.ID, "%s is still on its queue", c.Case)
	}
	if c.want.Task != "" {
		text, ok := strings.CutPrefix(run.args[id], c.want.Task+" ")
		require.True(t, ok, "%s ran %q", c.Case, run.args[id])
		require.JSONEq(t, string(c.want.Args), text, c.Case)
		return
	}
	require.NotEmpty(t, c.want.Error, c.Case)
	require.Empty(t, run.args[id], "%s has run", c.Case)
	var buried []string
	for _, message := range server.Queue(sqsx.DeadLetterQueueName(c.Queue)).Messages {
		if message.ID == id {
			buried = append(buried, message.Body)
			require.Equal(t, 5, message.Receives, "as often as the redrive policy allows")
		}
	}
	require.Equal(t, []string{c.Body}, buried, "%s is not a dead letter", c.Case)
}
