// Package lambdax runs tasks on AWS Lambda. It has the handlers of functions that SQS
// queues or SNS topics trigger, and a publisher for topics.
//
// # Handle
//
// A function makes one of three handlers of its hub and starts it:
//
//	handler, err := lambdax.SQS(hub, lambdax.SQSConfig{PartialBatch: true}) // queues
//	handler, err := lambdax.SNS(hub, lambdax.SNSConfig{})                   // topics
//	handler, err := lambdax.Handler(hub, lambdax.HandlerConfig{})           // both
//
// They use Hub.Handle as a worker does: the same tasks, middleware, metadata and
// outcomes, and one log line for each record. A panic fails its record, not the process.
//
// # Failures
//
// For SNS, every record runs, and any failure is an error, upon which Lambda tries the
// event again. For SQS the default is an error too, which is safe whatever the settings
// of the mapping are. With PartialBatch the answer names what failed. Set it only if the
// mapping has ReportBatchItemFailures: without that, Lambda deletes what the answer names
// as failed. With a Settler the delays of retries and taskhawk.Permanent work as in a
// worker. Without one, what failed comes back when the visibility timeout of the queue is
// over.
//
// # Time
//
// The answer leaves a margin before the deadline of the invocation, since Lambda takes a
// late answer for the failure of all. The contexts of handlers end in time, and what has
// not run is reported as failed. A task with taskhawk.WithTimeout is not started if that
// timeout would reach too far. Lambda extends no visibility timeout: give the queue six
// times the timeout of the function.
//
// # Publish
//
// [NewPublisher] makes the Publisher of a taskhawk.Config that puts tasks on SNS topics,
// taskhawk-dev-myapp and so on, for the functions and queues that are subscribed to them.
// Concurrent dispatches share calls, as they do in package sqsx.
//
// docs/lambda.md says which event to choose, and what to set on the function, its queues
// and topics.
package lambdax
