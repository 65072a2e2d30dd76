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
//   - the program gets the environment variables of Lambda and of Config.Env, and none of
//     the test;
//   - a process that has not answered within the timeout is killed, and the invocation
//     fails with Sandbox.Timedout;
//   - the end of a process fails its invocations with Runtime.ExitError, and the next
//     invocation starts a new one;
//   - Shutdown sends SIGTERM to a program with lambda.WithEnableSIGTERM, and SIGKILL half
//     a second later;
//   - the runtime takes Config.Concurrency invocations at once, by default one.
//
// If a test is killed, so are its functions, even busy ones, on systems with /bin/sh.
//
// WithTimeout, WithRequestID and WithHeader change the headers of one invocation, for
// example to a deadline in the past.
//
// # A queue
//
// Done applies the rules by which Lambda deletes the messages of an SQS batch. The rules
// for partial batch responses have traps that lose messages or run them forever; Done
// implements them all.
//
// Mapping is an event source mapping: it receives batches from a queue, invokes the
// function with them, and deletes finished messages. The queue is an EventSource, such as
// sqstest.Server.EventSource. Run runs until its context ends, RunBatch runs one batch.
//
// # What it is not
//
// There is one environment, which does not scale, and asynchronous events are not
// retried. Memory is not limited, and time is real. The package imports nothing of this
// module, so that a mistake on both sides does not hide.
package lambdatest
