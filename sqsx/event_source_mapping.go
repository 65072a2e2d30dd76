package sqsx

import "time"

// EventSourceMapping is what [Check] looks at in an event source mapping, by which AWS Lambda feeds a function from a queue: some members
// of what ListEventSourceMappings returns, and the timeout of the function. docs/redrive-and-doctor.md has the lines that read them with
// the SDK's client of Lambda, which this package does not link.
type EventSourceMapping struct {
	// Function is the name of the function, or its ARN.
	Function string
	// FunctionTimeout is its timeout. 0: not known.
	FunctionTimeout time.Duration
	// Disabled is whether the mapping is switched off.
	Disabled bool
	// BatchSize is how many messages an invocation gets at most. 0: 10, as on Lambda.
	BatchSize int
	// Window is how long Lambda gathers messages for a batch: MaximumBatchingWindowInSeconds.
	Window time.Duration
	// MaximumConcurrency is how many invocations the mapping makes at once, 2 to 1000. 0: no limit.
	MaximumConcurrency int
	// ReportBatchItemFailures is whether that is one of the FunctionResponseTypes.
	ReportBatchItemFailures bool
}
