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
// For SNS, every record runs, and any failure is an error, and Lambda tries the event
// again. For SQS the default is an error too, which is safe with any settings of the
// mapping. With PartialBatch the answer names the failed records. Set it only if the
// mapping has ReportBatchItemFailures: without that, Lambda deletes the failed records.
// With a Settler the delays of retries and taskhawk.Permanent work as in a worker.
// Without one, failed records come back after the visibility timeout of the queue.
//
// # Time
//
// The answer leaves a margin before the deadline of the invocation, since a late answer
// fails the whole batch. The contexts of handlers end before that, and records that have
// not run are reported as failed. A task with taskhawk.WithTimeout does not start if its
// timeout would end too late. Lambda extends no visibility timeout: give the queue six
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
