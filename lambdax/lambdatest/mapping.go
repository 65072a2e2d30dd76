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

// EventSource is a queue that a Mapping feeds a function from. sqstest.Server.EventSource
// is one.
type EventSource interface {
	// Receive returns up to n messages as records of an SQS event: JSON objects with
	// messageId, receiptHandle, body and so on. When there are none it waits for a while,
	// until ctx ends at most, and returns none.
	Receive(ctx context.Context, n int) ([]json.RawMessage, error)
	// Delete deletes messages by their receipt handles.
	Delete(ctx context.Context, receiptHandles []string) error
}

// Invoker is a function as a Mapping calls it. *Function is one.
type Invoker interface {
	// Invoke gives the function an event, see Function.Invoke.
	Invoke(ctx context.Context, payload []byte, options ...InvokeOption) (Result, error)
}

// Mapping is an event source mapping: the part of Lambda that takes messages from a queue
// to a function and deletes what is done. Like Lambda, it leaves the visibility timeout
// of what failed alone. The fields have the names of its settings; the zero values are
// Lambda's defaults.
type Mapping struct {
	// Source is the queue, and Function what it is fed to. Required.
	Source   EventSource
	Function Invoker
	// BatchSize is how many messages an invocation gets at most. Default 10. More than 10
	// want a window.
	BatchSize int
	// Window is how long to gather messages for a batch, once there is one:
	// MaximumBatchingWindowInSeconds. Default 0: not at all.
	Window time.Duration
	// ReportBatchItemFailures makes the function's response count, see Done. Default
	// false, which deletes all when the function succeeds.
	ReportBatchItemFailures bool
	// Observe is called after each batch, in the goroutine of Run or RunBatch. Optional.
	Observe func(Batch)
}

// Batch is one round of a mapping.
type Batch struct {
	// Event is what the function was given.
	Event []byte
	// Result is how it went.
	Result Result
	// Messages are the ids of the batch, in order, and Done those that were deleted then.
	Messages, Done []string
}

// Run feeds the function until ctx ends, and returns nil then: one batch after the other.
// Lambda begins with five batches at once; call Run as often for the same. An error is
// that of the queue, or of an invocation that could not be made; what the function does
// wrong is in the batch.
func (m Mapping) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if _, err := m.RunBatch(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// RunBatch feeds the function one batch and returns it, for tests that go step by step. A
// Batch without messages says that none came within the wait of the source, or before ctx
// ended; the function was not invoked then. The error is as in Run.
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

// maxPayload is the largest event that Lambda makes of a batch: 6 MB.
const maxPayload = 6 << 20

// receiveLimit is the most that SQS gives at once.
const receiveLimit = 10

// gather returns the records of the next batch; none when there was nothing for a while.
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

// serve invokes the function with a batch and deletes what is done.
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
		// What the function has done is deleted also when the mapping ends.
		err = wrap("delete", m.Source.Delete(context.WithoutCancel(ctx), handles))
	}
	if m.Observe != nil {
		m.Observe(b)
	}
	return b, err
}

// message is what a mapping reads of a record.
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

// handlesOf are the receipt handles of the messages that are done.
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
