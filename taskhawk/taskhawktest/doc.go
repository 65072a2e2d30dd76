// Package taskhawktest helps to test code that dispatches and runs tasks, without AWS.
//
// # Code that dispatches
//
// [Record] gives a context in which Dispatch only records. [Dispatched] returns the
// arguments as the handler would get them, after a round through the wire format:
//
//	ctx, recorder := taskhawktest.Record(t)
//	signUp(ctx, "a@b.c")
//	require.Equal(t, []tasks.SendEmailArgs{{To: "a@b.c"}}, taskhawktest.Dispatched(t, recorder, tasks.SendEmail))
//
// # Code that runs tasks
//
// A hub with Config.Sync runs tasks inside Dispatch. [NewPipeline] runs tasks as a
// worker does, with retries and dead letters, and also the tasks that handlers dispatch:
//
//	ctx, pipeline := taskhawktest.NewPipeline(t, config)
//	signUp(ctx, "a@b.c")
//	pipeline.RunUntilIdle()
//
// [Memory] is the transport of a pipeline, for your own taskhawk.Worker. In a
// testing/synctest bubble, hours pass in an instant. For the behaviour of SQS itself see
// sqsx/sqstest.
//
// # Transports
//
// [TestTransport] is the conformance suite for transports: it checks the contracts of
// taskhawk.Publisher and taskhawk.Queue.
package taskhawktest
