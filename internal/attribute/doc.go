// Package attribute chooses the message attributes that mirror a task beside its body.
//
// The body is the truth. The mirror is for what cannot read it: subscription filters, other libraries, people in the
// console. It always has at least one attribute, since the Python library 4.x with OpenTelemetry fails on a message that
// has none, and at most ten, since SQS refuses more and SNS discards such a message on its way to a raw subscription.
package attribute
