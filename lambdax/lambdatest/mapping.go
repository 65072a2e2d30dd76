package lambdatest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// EventSource is the queue of a Mapping. sqstest.Server.EventSource is one.
type EventSource interface {
	// Receive returns up to n messages as records of an SQS event: JSON objects with
	// messageId, receiptHandle, body and so on. If there are none it waits for a while,
	// at most until ctx ends, and returns none.
	Receive(ctx context.Context, n int) ([]json.RawMessage, error)
	// Delete deletes messages by their receipt handles.
	Delete(ctx context.Context, receiptHandles []string) error
}

// Invoker is the function of a Mapping. *Function is one.
type Invoker interface {
	// Invoke sends the function an event; see Function.Invoke.
	Invoke(ctx context.Context, payload []byte, options ...InvokeOption) (Result, error)
}

// Mapping is an event source mapping: the part of Lambda that feeds a function from a
// queue and deletes finished messages. Like Lambda, it leaves the visibility timeout of
// failed messages alone. The fields have the names and defaults of the settings of
// Lambda.
type Mapping struct {
	// Source is the queue, and Function gets its messages. Required.
	Source   EventSource
	Function Invoker
	// BatchSize is the largest number of messages of an invocation. Default 10. More than
	// 10 need a Window.
	BatchSize int
	// Window is how long to gather messages for a batch, once there is one:
	// MaximumBatchingWindowInSeconds. Default 0.
	Window time.Duration
	// ReportBatchItemFailures makes the response of the function count; see Done. Default
	// false: all messages are deleted if the function succeeds.
	ReportBatchItemFailures bool
	// Observe is called after each batch, in the goroutine of Run or RunBatch. Optional.
	Observe func(Batch)
}

// Batch is one round of a mapping.
type Batch struct {
	// Event is the event that the function got.
	Event []byte
	// Result is the result of the invocation.
	Result Result
	// Messages has the ids of the batch, in order, and Done the deleted ones.
	Messages, Done []string
}

// Run feeds the function one batch after another until ctx ends, and then returns nil.
// Lambda starts with five batches at once; for the same, call Run in five goroutines. An error is
// from the queue, or about an invocation that could not be made. Errors of the function
// are in the batch.
func (m Mapping) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if _, err := m.RunBatch(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// RunBatch feeds the function one batch and returns it, for tests that go step by step.
// The Batch has no messages if none came within the wait of the source, or before ctx
// ended; then the function was not invoked. The error is as in Run.
func (m Mapping) RunBatch(ctx context.Context) (Batch, error) {
	var b Batch
	records, err := m.gather(ctx)
	if err == nil && len(records) > 0 {
		b, err = m.serve(ctx, records)
	}
	if err != nil {
		return b, fmt.Errorf("lambdatest: mapping: %w", err)
	}
	return b, nil
}

// maxPayload is the largest event of a batch: 6 MB.
const maxPayload = 6 << 20

// receiveLimit is the most messages of one receive of SQS.
const receiveLimit = 10

// gather returns the records of the next batch, or none if none came for a while.
func (m Mapping) gather(ctx context.Context) ([]json.RawMessage, error) {
	size := cmp.Or(m.BatchSize, 10)
	records, err := m.Source.Receive(ctx, min(size, receiveLimit))
	if err != nil || len(records) == 0 || m.Window == 0 {
		return records, wrap("receive", err)
	}
	window, cancel := context.WithTimeout(ctx, m.Window)
	defer cancel()
	for len(records) < size && bytesOf(records) < maxPayload/2 && window.Err() == nil {
		more, err := m.Source.Receive(window, min(size-len(records), receiveLimit))
		if err != nil && window.Err() == nil {
			return nil, wrap("receive", err)
		}
		records = append(records, more...)
	}
	return records, nil
}

// serve invokes the function with a batch and deletes finished messages.
func (m Mapping) serve(ctx context.Context, records []json.RawMessage) (Batch, error) {
	messages, err := readMessages(records)
	if err != nil {
		return Batch{}, err
	}
	b := Batch{Messages: ids(messages)}
	if b.Event, err = json.Marshal(map[string][]json.RawMessage{"Records": records}); err != nil {
		return b, wrap("event", err)
	}
	if b.Result, err = m.Function.Invoke(ctx, b.Event); err != nil {
		return b, err
	}
	b.Done = Done(b.Messages, b.Result, m.ReportBatchItemFailures)
	if handles := handlesOf(messages, b.Done); len(handles) > 0 {
		// Finished messages are deleted even if the mapping ends.
		err = wrap("delete", m.Source.Delete(context.WithoutCancel(ctx), handles))
	}
	if m.Observe != nil {
		m.Observe(b)
	}
	return b, err
}

// message has the members of a record that a mapping reads.
type message struct {
	ID            string `json:"messageId"`
	ReceiptHandle string `json:"receiptHandle"`
}

func readMessages(records []json.RawMessage) ([]message, error) {
	messages := make([]message, len(records))
	for i, record := range records {
		if err := json.Unmarshal(record, &messages[i]); err != nil {
			return nil, wrap("record", err)
		}
		if messages[i].ID == "" || messages[i].ReceiptHandle == "" {
			return nil, errors.New("a record without messageId or receiptHandle")
		}
	}
	return messages, nil
}

func ids(messages []message) []string {
	found := make([]string, len(messages))
	for i, m := range messages {
		found[i] = m.ID
	}
	return found
}

// handlesOf returns the receipt handles of finished messages.
func handlesOf(messages []message, done []string) []string {
	var handles []string
	for _, m := range messages {
		if slices.Contains(done, m.ID) {
			handles = append(handles, m.ReceiptHandle)
		}
	}
	return handles
}

func bytesOf(records []json.RawMessage) int {
	n := 0
	for _, record := range records {
		n += len(record)
	}
	return n
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
