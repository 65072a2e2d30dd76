//go:build e2e

package main_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// consumer reads a message as the Python library does, with what that demands of it, and
// sends one in its form to the dead-letter queue.
const consumer = `
import json, sys
import boto3

sqs = boto3.client("sqs")
url = sqs.get_queue_url(QueueName=sys.argv[1])["QueueUrl"]
message = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5, MessageAttributeNames=["All"])["Messages"][0]
body = json.loads(message["Body"])
for name in ("id", "metadata", "headers", "task", "args", "kwargs"):
    assert body[name] is not None, name
assert body["id"] and body["metadata"]["version"] == "1.0" and isinstance(body["metadata"]["timestamp"], int)
assert body["metadata"]["priority"] == "default" and message["MessageAttributes"], message

def send_email(to, subject, *, from_email=None):
    return [to, subject, from_email, body["headers"]]

assert body["task"] == "tasks.send_email"
print(json.dumps(send_email(*body["args"], **body["kwargs"])))
sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
sqs.send_message(QueueUrl=url + "-DLQ", MessageBody=json.dumps(dict(body, task="tasks.of_python")))
`

// A Python program with boto3 takes the variables that serve prints, and reads what send
// has sent.
func TestPythonReadsWhatSendSends(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil || exec.CommandContext(t.Context(), python, "-c", "import boto3").Run() != nil {
		t.Skip("no python3 with boto3 here") //nolint:forbidigo // a second language is too much to ask of every machine
	}
	url, _ := serve(t, app)
	s := newTerminal(t, url)
	s.ok("send", "tasks.send_email", "ann@example.com", "Hello & <b>", "from_email=me@example.com", "--header", "request_id=1234")
	program := exec.CommandContext(t.Context(), python, "-c", consumer, queue)
	program.Env = append(os.Environ(), "AWS_ENDPOINT_URL_SQS="+url, "AWS_DEFAULT_REGION=us-east-1", "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local")
	program.Stderr = os.Stderr
	out, err := program.Output()
	require.NoError(t, err)
	require.JSONEq(t, `["ann@example.com", "Hello & <b>", "me@example.com", {"request_id": "1234"}]`, string(out))
	letters := s.lines("dlq", "ls")
	require.Len(t, letters, 1)
	require.Equal(t, "tasks.of_python", letters[0]["task"])
	require.Empty(t, s.lines("peek", "default", "--yes"))
}
