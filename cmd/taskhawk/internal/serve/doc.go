// Package serve runs the embedded SQS and SNS of package sqstest as a server for
// development, with a status page and a file that keeps its queues.
package serve
