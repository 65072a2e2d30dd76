// Package lambdax runs tasks on AWS Lambda: the handlers of functions that SNS topics or SQS queues trigger, and a publisher for topics.
//
// # Handle
//
// A function hands its hub to one of three handlers, and that to lambda.Start:
//
//	lambda.Start(lambdax.SNS(hub))                                  // triggered by topics
//	lambda.Start(lambdax.SQS(hub, lambdax.WithPartialBatch()))      // fed from queues by an event source mapping
//	lambda.Start(lambdax.Handler(hub))                              // both
//
// They use Hub.Handle as a worker does: the same tasks, middleware, metadata and outcomes, one line in the log for each record. A panic is
// the failure of its record and not of the process.
//
// # Failures
//
// For SNS, every record runs, and any failure is an error, upon which Lambda tries the event again. For SQS the default is an error as well, which
// is safe whatever the mapping's settings are: an answer with a list of failures deletes all that it lists when the mapping lacks
// ReportBatchItemFailures. [WithPartialBatch] gives that answer. [WithVisibility] makes the delays of retries and
// taskhawk.Permanent work as in a worker; without it, what failed comes back when the visibility timeout of the queue is over.
//
// # Time
//
// The answer leaves a margin before the deadline of the invocation, see [WithMargin], since Lambda takes one that is late for the failure of
// all: the contexts of handlers end in time, and what has not run is reported as failed. A task with taskhawk.WithTimeout is not started
// when that would reach too far. Lambda keeps no visibility timeout alive: give the queue six times the timeout of the function.
//
// # Publish
//
// [NewPublisher] makes the Publisher of a taskhawk.Config that puts tasks on SNS topics, taskhawk-dev-myapp and so on, for functions and queues
// that are subscribed to them. Concurrent dispatches share calls, as they do in package sqsx, and each is published once.
//
// docs/lambda.md says which event to choose, and what to set on the function, its queues and topics.
package lambdax
