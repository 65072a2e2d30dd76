package transport

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"

	"github.com/taskhawk/taskhawk-go/bench"
)

// workBare are loops by hand: receive ten, delete ten, with one poller as our worker has
// for one queue. Unless they are said to, they ask for the attributes that our worker
// asks for.
func workBare() []contender {
	return []contender{
		{name: "bare", title: "bare SDK, receive 10, delete 10", kind: bench.Bare, start: bareLoop(loop{all: true})},
		{
			name:  "bare-ahead",
			title: "bare SDK, deletes beside receives",
			kind:  bench.Bare,
			start: bareLoop(loop{ahead: true, all: true}),
		},
		{
			name:  "bare-json",
			title: "bare SDK, deletes beside receives, `json.Unmarshal`",
			kind:  bench.Part,
			start: bareLoop(loop{ahead: true, all: true, handle: decode}),
		},
		{
			name:  "bare-body",
			title: "bare SDK, receive 10, delete 10, no attributes",
			kind:  bench.Part,
			start: bareLoop(loop{}),
		},
	}
}

// loop is how a loop by hand works.
type loop struct {
	// ahead lets deletes go beside the next receive, as many as a publisher has calls in
	// flight.
	ahead bool
	// all asks for all attributes of messages.
	all bool
	// handle is given each body; nil for a handler that does nothing.
	handle func(body string) error
}

func bareLoop(l loop) func(r *env) (func() error, error) {
	return func(r *env) (func() error, error) {
		if err := r.fill(); err != nil {
			return nil, err
		}
		return r.work(func(ctx context.Context) error {
			var deletes errgroup.Group
			deletes.SetLimit(inFlight)
			for {
				messages, err := r.receiveTen(ctx, &l)
				if err != nil {
					return errors.Join(untilDone(ctx, err), deletes.Wait())
				}
				if l.ahead {
					deletes.Go(func() error { return r.deleteTen(ctx, messages) })
				} else if err := r.deleteTen(ctx, messages); err != nil {
					return err
				}
			}
		}), nil
	}
}

func (r *env) receiveTen(ctx context.Context, l *loop) ([]types.Message, error) {
	in := &sqs.ReceiveMessageInput{QueueUrl: r.url, MaxNumberOfMessages: batch, WaitTimeSeconds: 20}
	if l.all {
		in.MessageAttributeNames = []string{"All"}
		in.MessageSystemAttributeNames = []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll}
	}
	out, err := r.client.ReceiveMessage(ctx, in)
	if err != nil {
		return nil, err
	}
	for _, message := range out.Messages {
		if l.handle == nil {
			continue
		}
		if err := l.handle(*message.Body); err != nil {
			return nil, err
		}
	}
	return out.Messages, nil
}

func (r *env) deleteTen(ctx context.Context, messages []types.Message) error {
	entries := make([]types.DeleteMessageBatchRequestEntry, len(messages))
	for i, message := range messages {
		entries[i] = types.DeleteMessageBatchRequestEntry{
			Id:            aws.String(strconv.Itoa(i)),
			ReceiptHandle: message.ReceiptHandle,
		}
	}
	in := &sqs.DeleteMessageBatchInput{QueueUrl: r.url, Entries: entries}
	out, err := r.client.DeleteMessageBatch(context.WithoutCancel(ctx), in)
	if err != nil {
		return err
	}
	if len(out.Successful) != len(messages) {
		return errEntries
	}
	return nil
}

// decode is the handler that reads the message as one writes it without a library.
func decode(body string) error {
	var message struct {
		ID   string            `json:"id"`
		Task string            `json:"task"`
		Args []json.RawMessage `json:"args"`
	}
	if err := json.Unmarshal([]byte(body), &message); err != nil {
		return err
	}
	var a args
	if err := json.Unmarshal(message.Args[0], &a.N); err != nil {
		return err
	}
	return json.Unmarshal(message.Args[1], &a.Text)
}
