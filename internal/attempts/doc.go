// Package attempts makes batch calls to SQS and SNS: each with a deadline, and again for those entries whose failure may pass.
//
// The SDK would wait for ever, and its own retries repeat whole batches and share a quota among all calls of a client that runs
// dry in an outage. So each attempt is one call of the SDK, and the attempts are counted here.
package attempts
