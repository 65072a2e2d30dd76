// Package awsbatch has the common parts of the publishers of SQS and SNS: the attributes
// that mirror a task beside its body, the limits that are checked before a call, and
// batch calls with retries. It imports no AWS service.
//
// The SDK would wait forever. Its own retries repeat whole batches, and all calls of a
// client share a quota of retries, which an outage uses up. So each attempt is one call
// of the SDK, and this package retries.
//
// The body of a message is the truth. The mirror is for readers that cannot parse it:
// subscription filters, other libraries, people in the console. It always has at least
// one attribute, since the Python library 4.x with OpenTelemetry fails on a message that
// has none, and at most ten, since SQS refuses more and SNS discards such a message on
// its way to a raw subscription.
package awsbatch
