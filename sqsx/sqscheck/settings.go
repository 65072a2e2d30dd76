package sqscheck

import (
	"time"

	"github.com/taskhawk/taskhawk-go/internal/sqsqueue"
	"github.com/taskhawk/taskhawk-go/sqsx"
)

// Settings are the attributes of a queue and its dead-letter queue.
type Settings struct {
	// VisibilityTimeout is the visibility timeout of the queue.
	VisibilityTimeout time.Duration
	// MaxReceiveCount is in its redrive policy.
	MaxReceiveCount int
	// Retention and DeadLetterRetention are how long the two keep messages.
	Retention, DeadLetterRetention time.Duration
	// WaitTime is ReceiveMessageWaitTimeSeconds.
	WaitTime time.Duration
	// MaximumMessageSize is the limit of both queues, in bytes.
	MaximumMessageSize int
}

const (
	advisedVisibility = 30 * time.Second // the default of workers
	advisedRetention  = 4 * 24 * time.Hour
)

// Advised returns settings that [Check] finds nothing wrong with, for queues of workers
// with their defaults. For queues of a Lambda function, functionTimeout is the timeout of
// the function and window the window of its event source mapping; else both are 0.
func Advised(functionTimeout, window time.Duration) Settings {
	s := Settings{
		VisibilityTimeout:   advisedVisibility,
		MaxReceiveCount:     lambdaReceives,
		Retention:           advisedRetention,
		DeadLetterRetention: sqsqueue.MaxRetention,
		WaitTime:            sqsx.MaxWaitTime,
		MaximumMessageSize:  sqsx.MaxMessageSize,
	}
	if functionTimeout > 0 {
		s.VisibilityTimeout = lambdaFactor*functionTimeout + window
	}
	return s
}
