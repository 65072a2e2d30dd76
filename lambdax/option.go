package lambdax

import (
	"errors"
	"fmt"
	"time"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// DefaultMargin is how long before the deadline of its invocation a function answers at the latest.
const DefaultMargin = time.Second

// SQSOption is what [SQS] and [Handler] take.
type SQSOption interface{ applySQS(s *settings) }

// Option is what all handlers take, [SNS] too.
type Option interface {
	SQSOption
	applySNS(s *settings)
}

// settings are the options of a handler, all together.
type settings struct {
	concurrency    int
	margin         time.Duration
	partial        bool
	errorIfAllFail bool
	skipGroups     bool
	settler        taskhawk.Settler
	backoff        taskhawk.Backoff
}

type option func(*settings)

func (o option) applySQS(s *settings) { o(s) }
func (o option) applySNS(s *settings) { o(s) }

type sqsOption func(*settings)

func (o sqsOption) applySQS(s *settings) { o(s) }

// WithConcurrency sets how many records of an invocation run at once. Default 1: one after another, in the order of the event. On FIFO queues the
// messages of a group still run one after another, and groups side by side.
func WithConcurrency(n int) Option {
	return option(func(s *settings) { s.concurrency = n })
}

// WithMargin sets how long before the deadline of the invocation the answer leaves at the latest. Default 1 s. The contexts of the handlers end
// a quarter of it earlier, with the cause [ErrDeadline], and no record is started after that, nor one whose task has a timeout
// (taskhawk.WithTimeout) that would reach past it. Records that have not run are reported as failed, and so is one whose handler does not
// return in time. Give it more where handlers need longer to return when their context ends.
func WithMargin(d time.Duration) Option {
	return option(func(s *settings) { s.margin = d })
}

// WithPartialBatch makes the function report the records that failed, and so have Lambda delete the others. Use it only where the event source
// mapping has ReportBatchItemFailures among its FunctionResponseTypes: without it, Lambda takes such an answer for the success of
// the whole batch and deletes what failed. The default is safe with both: an error when any record failed, upon which Lambda
// delivers the whole batch again.
func WithPartialBatch() SQSOption {
	return sqsOption(func(s *settings) { s.partial = true })
}

// WithErrorIfAllFailed makes [WithPartialBatch] return an error when every record failed, so that the function's error metric shows it and Lambda
// slows its pollers down, which it does not for reported failures.
func WithErrorIfAllFailed() SQSOption {
	return sqsOption(func(s *settings) { s.errorIfAllFail = true })
}

// WithSkipGroupOnError goes on with the other message groups of a FIFO queue when a message fails. The later messages of its own group are never
// run, and reported with it. By default nothing more is started when one message has failed.
func WithSkipGroupOnError() SQSOption {
	return sqsOption(func(s *settings) { s.skipGroups = true })
}

// WithVisibility gives the outcomes of handlers real effect: a record that failed is delivered again after the time that taskhawk.RetryAfter asked
// for, or else the backoff; one that failed by taskhawk.Permanent goes to the dead-letter queue, with the reason, and then counts as done;
// what was not started is given back at once; and taskhawk.ExtendVisibility works. sqsx.NewSettler makes a settler for SQS.
//
// Without it, Lambda leaves what failed invisible until the visibility timeout of the queue is over, whatever the error was, and the
// queue's redrive policy decides what becomes a dead letter.
func WithVisibility(settler taskhawk.Settler) SQSOption {
	return sqsOption(func(s *settings) { s.settler = settler })
}

// WithBackoff sets the delay of a retry that did not ask for one, with [WithVisibility]. Default: that of a worker, exponential from 5 s to 15 min,
// with jitter.
func WithBackoff(backoff taskhawk.Backoff) SQSOption {
	return sqsOption(func(s *settings) { s.backoff = backoff })
}

// errNilHub is what a handler without a hub answers.
var errNilHub = errors.New("nil hub")

// check is the error of settings that make no sense, which every invocation answers.
func (s *settings) check(hub *taskhawk.Hub) error {
	switch {
	case hub == nil:
		return errNilHub
	case s.concurrency < 1:
		return fmt.Errorf("WithConcurrency(%d): at least 1", s.concurrency)
	case s.margin < 0:
		return fmt.Errorf("WithMargin(%s): negative", s.margin)
	case s.errorIfAllFail && !s.partial:
		return errors.New("WithErrorIfAllFailed is for WithPartialBatch: without that, any failure is an error")
	case s.backoff != nil && s.settler == nil:
		return errors.New("WithBackoff has no effect without WithVisibility")
	}
	return nil
}

func defaults() settings { return settings{concurrency: 1, margin: DefaultMargin} }
