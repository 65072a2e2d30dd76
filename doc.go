// Package taskhawkgo is the root of a typed task library for AWS SQS and Lambda; it has
// no code. A Go function with a struct of arguments becomes a task, dispatching it puts a
// JSON message on one of four priority queues, and a worker or a function runs it, at
// least once. The messages are those of the Python library of the same name.
//
// Start at package taskhawk, which declares and dispatches tasks. Then:
//
//   - sqsx publishes to SQS and runs workers; it also provisions queues and moves dead
//     letters back
//   - sqsx/sqscheck compares the settings of queues with the code
//   - sqsx/sqstest is a strict SQS and SNS server for tests
//   - lambdax handles SNS and SQS events on Lambda and publishes to SNS
//   - lambdax/lambdatest is the Lambda Runtime API for tests
//   - taskhawk/taskhawktest records dispatches and tests transports
//   - codec turns a struct into arguments and back, without anything else
//
// The programs in examples/ run without an AWS account.
package taskhawkgo
