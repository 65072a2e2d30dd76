// Package taskhawktest helps to test code that dispatches and runs tasks, without AWS.
//
// # Code that dispatches
//
// [Record] gives a context in which Dispatch only records, and [Dispatched] the arguments
// as the handler would get them, after a round through the wire format:
//
//	ctx, recorder := taskhawktest.Record(t)
//	signUp(ctx, "a@b.c")
//	require.Equal(t, []tasks.SendEmailArgs{{To: "a@b.c"}}, taskhawktest.Dispatched(t, recorder, tasks.SendEmail))
//
// # Code that runs tasks
//
// A hub with Config.Sync runs tasks inside Dispatch. For retries, visibility timeouts and
// dead letters, [Memory] is a transport in memory that a taskhawk.Worker can run on; in a
// testing/synctest bubble, hours of it pass in an instant. For the behaviour of SQS
// itself see sqsx/sqstest.
//
// # Transports
//
// [TestTransport] is the conformance suite for transports: it checks the contracts of
// taskhawk.Publisher and taskhawk.Queue.
package taskhawktest
