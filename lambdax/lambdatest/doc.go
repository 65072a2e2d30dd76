// Package lambdatest runs a Lambda function in a test, as net/http/httptest runs a web
// server: the compiled program in its own process, against a loopback server that
// speaks the Lambda Runtime API. So lambda.Start runs as it does on AWS, with its
// deadlines, its panics and its exits, and needs no account.
//
// # A function
//
// Build compiles a program, Start runs it, Invoke gives it an event:
//
//	program := filepath.Join(t.TempDir(), "bootstrap")
//	err := lambdatest.Build(ctx, program, "example.com/app/cmd/function")
//	function, err := lambdatest.Start(ctx, lambdatest.Config{Program: program, Timeout: 10 * time.Second})
//	defer function.Close()
//	result, err := function.Invoke(ctx, payload)
//
// A Function is one execution environment. As on Lambda:
//
//   - the program sees Lambda's environment variables and those of Config.Env, and none
//     of the test's;
//   - a process that has not answered when the timeout is over is killed, and the
//     invocation fails with Sandbox.Timedout;
//   - a process that ends fails the invocations it had with Runtime.ExitError, and the
//     next invocation starts a new one;
//   - Shutdown sends SIGTERM to a program that asked for it with
//     lambda.WithEnableSIGTERM, and SIGKILL half a second later;
//   - with Config.Concurrency the runtime takes so many invocations at once; without,
//     one after the other.
//
// A test that is killed takes its functions with it, busy ones too, wherever there is a
// /bin/sh.
//
// WithTimeout, WithRequestID and WithHeader change what one invocation is told, for
// example that its deadline has passed.
//
// # A queue
//
// Done is how Lambda judges the answer to a batch of SQS messages: which of them it
// deletes. The rules for partial batch responses have traps, each of which loses messages
// or runs them for ever; Done has them all.
//
// Mapping is an event source mapping: it receives batches from a queue, invokes the
// function with them, and deletes what is done. The queue is an EventSource; that of the
// embedded SQS is sqstest.Server.EventSource. Run goes on until its context ends, RunBatch
// makes one step.
//
// # What it is not
//
// There is one environment, which does not scale, and no retry of asynchronous events:
// whoever invokes decides. Nothing limits memory, and time is real. The package imports
// nothing of this module, so that a mistake on both sides does not hide.
package lambdatest
