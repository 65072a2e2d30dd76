package transport

import (
	"encoding/json"
	"errors"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/bench"
)

// publishBare are loops by hand: as many senders as our publisher has calls in flight,
// each of which sends ten messages at a time.
func publishBare() []contender {
	return []contender{
		{
			name:  "bare",
			title: "bare SDK, a body made before",
			kind:  bench.Bare,
			start: func(r *env) (func() error, error) {
				body, err := encoded()
				if err != nil {
					return nil, err
				}
				return r.sendAll(func(int) (string, error) { return body, nil }), nil
			},
		},
		{
			name:  "bare-json",
			title: "bare SDK, `json.Marshal`",
			kind:  bench.Part,
			start: func(r *env) (func() error, error) {
				all := allArgs(r.tasks)
				return r.sendAll(func(n int) (string, error) {
					text, err := json.Marshal(all[n])
					return string(text), err
				}), nil
			},
		},
	}
}

func (r *env) sendAll(body func(n int) (string, error)) func() error {
	return func() error {
		return share(inFlight, r.tasks/batch, func(n int) error { return r.sendTen(n*batch, body) })
	}
}

func (r *env) sendTen(first int, body func(n int) (string, error)) error {
	entries := make([]types.SendMessageBatchRequestEntry, batch)
	for i := range entries {
		text, err := body(first + i)
		if err != nil {
			return err
		}
		entries[i] = types.SendMessageBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(text),
			MessageAttributes: map[string]types.MessageAttributeValue{
				"taskhawk_task": {DataType: aws.String("String"), StringValue: aws.String(taskName)},
			},
		}
	}
	out, err := r.client.SendMessageBatch(r.ctx, &sqs.SendMessageBatchInput{QueueUrl: r.url, Entries: entries})
	if err != nil {
		return err
	}
	if len(out.Successful) != batch {
		return errEntries
	}
	return nil
}

// errEntries is the error of a batch with entries that failed.
var errEntries = errors.New("entries of a batch failed")
