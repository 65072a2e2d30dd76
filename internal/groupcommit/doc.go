// Package groupcommit lets concurrent callers share batch calls without waiting for a timer.
//
// The first caller's item is sent at once. While that call is in flight the items of others gather, and go together in the
// next one. So an idle system adds no latency and a busy one fills its batches; each caller still gets the result of its own
// item, once the service has given it.
package groupcommit
