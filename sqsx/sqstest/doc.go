// Package sqstest is an SQS service in the test's own process, with SNS and EventBridge
// Scheduler beside it, as net/http/httptest is a web server: strict where Amazon's are
// strict, and with a clock that testing/synctest can drive.
//
// # A server and a client
//
// NewServer listens on the loopback. Its Client is an ordinary SDK client:
//
//	server := sqstest.NewServer()
//	defer server.Close()
//	client := server.Client()
//
// A program that takes its configuration from the environment is pointed at the
// server with AWS_ENDPOINT_URL_SQS set to Server.URL, and AWS_ENDPOINT_URL_SNS
// for SNS.
//
// # Virtual time
//
// NewUnstartedServer has no socket. Its Client calls the server in process, in the
// calling goroutine, so the SDK with its retries and 20-second long polls runs inside a
// testing/synctest bubble, where twelve hours pass in no time:
//
//	synctest.Test(t, func(t *testing.T) {
//		server := sqstest.NewUnstartedServer()
//		defer server.Close()
//		client := server.Client()
//		...
//	})
//
// The server starts no goroutine. Visibility timeouts, delays, retention and move tasks
// take effect when the next request comes in, and a parked poll sleeps until the next
// instant at which it could find something.
//
// # What it does
//
// It speaks the AWS JSON 1.0 protocol, which current SDKs speak, and enforces the rules
// of Amazon SQS: sizes, characters, attributes, batches, ranges, receipt handles, redrive
// policies, FIFO rules. It also refuses requests with members that the service does not
// know. Errors are the errors of the service: errors.As finds *types.QueueDoesNotExist,
// and so on. Signatures are not checked.
//
// Where Amazon SQS leaves behavior unspecified, the server is deterministic:
//
//   - A receive returns the visible messages accepted first, and short polls see
//     all of them.
//   - Attributes, deletes of queues and purges take effect at once, and the
//     approximate counts are exact.
//   - On a standard queue a stale receipt handle (the message was received again
//     since) deletes nothing and succeeds; it cannot change the visibility
//     timeout, which is MessageNotInflight. On a FIFO queue a handle whose
//     visibility timeout has passed deletes nothing and fails.
//   - A poll whose client is gone takes no messages.
//   - A message group of a standard queue with 30 messages in flight, and more than
//     a tenth of all, waits behind the other groups and the messages without one.
//   - A move task without a rate moves everything at the instant it starts.
//   - A dead letter is moved when the receive after its last allowed one would
//     have returned it.
//
// # Topics
//
// SNSClient is an SDK client of the same server's SNS. Its topics, standard and FIFO,
// deliver to queues of the server, with and without raw delivery, and to functions that
// Server.Register gives a name, as Lambda would run them. The server speaks SNS's AWS
// Query protocol, and enforces the rules of Amazon SNS.
//
// Choices where Amazon SNS leaves behavior unspecified, and limitations:
//
//   - A subscription works at once, whether its queue or function exists or not. Queue
//     policies are ignored.
//   - A queue has the message when Publish returns, and gets it once. A message that the
//     queue refuses goes to the dead-letter queue of the subscription. Without one it is
//     discarded, and the ledger records that.
//   - A function runs in its own goroutine. After an error or a panic it is
//     run again after one minute and after two more.
//   - Messages may hold the characters that SQS allows; custom attribute types are
//     refused.
//   - FIFO topics pass the message group to standard queues too.
//   - Notifications are not signed.
//   - Filter policies, delivery policies, replay and the other protocols are
//     refused, so that no test relies on them.
//
// # Schedules
//
// The same server answers EventBridge Scheduler: CreateSchedule, UpdateSchedule,
// GetSchedule, DeleteSchedule, ListSchedules, CreateScheduleGroup. Use an SDK client with
// Server.URL as BaseEndpoint and, on virtual time, Server.HTTPClient. A target is
// sqs:sendMessage or the ARN of a queue.
//
// A schedule fires at the start of its minute, by the clock of its zone: a time that the
// clock skips never comes, a time that it repeats comes once. Where the service would try
// a message again, it goes to the schedule's dead-letter queue at once. Flexible windows
// are refused, and roles are ignored.
//
// # Looking in
//
// Server.Queue returns what a queue holds, Server.Requests counts requests, and
// Server.ClientErrors counts the rules they broke.
//
// # Injecting faults
//
// Server.Inject activates a Fault, which names the requests and the effect. This one
// applies the second batch of deletes and loses its answer:
//
//	lost := server.Inject(sqstest.Fault{
//		On:    sqstest.OpDeleteMessageBatch,
//		Nth:   2,
//		After: true,
//		Do:    sqstest.Reset(),
//	})
//
// lost.Fired counts how often it acted, lost.Remove ends it. The effects are:
//
//   - the exchange: Reset, Silence, Delay, Status, Error, ErrorStatus, ClockSkew
//   - the bytes of the answer: Truncate, Drip, Oversize
//   - entries of a batch: FailEntries, OmitEntries
//   - what the answer says: CorruptMD5, StaleReceipts, Pretend
//   - deliveries: Redeliver, DuplicateInBatch, OrphanPoll
//
// All work over the loopback and in process. They work on requests of SNS too, if they
// apply: a topic has no deliveries to repeat.
//
// # Lambda
//
// Server.EventSource reads a queue as Lambda does, for the event source mapping of
// package lambdax/lambdatest.
//
// # Checking that nothing was lost
//
// Server.Ledger records what happens to every message, with its time. A test notes when
// its handlers begin and succeed, and Ledger.Audit sums up: messages lost, messages
// deleted before their handler was done, handlers that ran more often than their message
// was delivered. Server.KeyBy makes the ledger count by an id of the application, so that
// two copies of one message count as one.
package sqstest
