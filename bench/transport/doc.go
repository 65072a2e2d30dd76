// Package transport measures what lies between a task and SQS: how fast tasks are
// published and worked off, beside loops that call the AWS SDK by hand and beside other
// libraries, all against the embedded server of this repository.
//
// A [Cell] is one direction over one [Link] with all contenders. Each run of a contender
// has its own server, made before the run; the last message stored, or deleted, ends
// it. docs/performance.md says what the figures are and how to read them.
package transport
