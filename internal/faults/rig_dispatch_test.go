package faults_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// keyOf is the key of a message in the ledger: its task id, so that copies of a task are one; what has none goes by its body.
func keyOf(body string) string {
	if decoded, err := base64.StdEncoding.DecodeString(body); err == nil {
		body = string(decoded)
	}
	var message struct{ ID string }
	if json.Unmarshal([]byte(body), &message) == nil && message.ID != "" {
		return message.ID
	}
	sum := sha256.Sum256([]byte(body))
	return "raw " + hex.EncodeToString(sum[:8])
}

// tryDispatch dispatches the task with the number n, and notes id and error for Check.
func (r *rig) tryDispatch(n int, options ...taskhawk.DispatchOption) (string, error) {
	id, err := r.job.Dispatch(r.Context(), newArgs(n), append(options, taskhawk.WithHeaders(newHeaders()))...)
	r.sink.failure(err)
	if err == nil {
		r.book.promise(id)
	}
	return id, err
}

// dispatch is tryDispatch that must succeed.
func (r *rig) dispatch(n int, options ...taskhawk.DispatchOption) string {
	r.Helper()
	id, err := r.tryDispatch(n, options...)
	require.NoError(r, err)
	return id
}

// tryFill dispatches the tasks 0 to count-1 at once, in batches.
func (r *rig) tryFill(count int, options ...taskhawk.DispatchOption) ([]string, error) {
	args := make([]jobArgs, count)
	for n := range args {
		args[n] = newArgs(n)
	}
	ids, err := r.job.DispatchAll(r.Context(), args, append(options, taskhawk.WithHeaders(newHeaders()))...)
	r.sink.failure(err)
	var failed *taskhawk.BatchError
	if errors.As(err, &failed) || err == nil {
		for i, id := range ids {
			if failed == nil || failed.Failed[i] == nil {
				r.book.promise(id)
			}
		}
	}
	return ids, err
}

// fill is tryFill that must succeed.
func (r *rig) fill(count int, options ...taskhawk.DispatchOption) []string {
	r.Helper()
	ids, err := r.tryFill(count, options...)
	require.NoError(r, err)
	return ids
}

// fillAll is fill with count tasks on each of the four queues.
func (r *rig) fillAll(count int) {
	r.Helper()
	for _, priority := range taskhawk.Priorities() {
		r.fill(count, taskhawk.WithPriority(priority))
	}
}

// raw puts a body on the queue of a priority, as any program could.
func (r *rig) raw(priority taskhawk.Priority, body string, change ...func(*sqs.SendMessageInput)) {
	r.Helper()
	in := &sqs.SendMessageInput{QueueUrl: aws.String(r.server.Queue(queueName(priority)).URL), MessageBody: &body}
	for _, c := range change {
		c(in)
	}
	_, err := r.client.SendMessage(r.Context(), in)
	require.NoError(r, err)
}

func newArgs(n int) jobArgs { return jobArgs{N: n, Secret: canaryArgument} }

func newHeaders() taskhawk.Headers { return taskhawk.Headers{"token": canaryHeader} }
