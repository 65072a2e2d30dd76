// Package sqsx is the SQS transport of Taskhawk: it publishes tasks to the queues of an
// application, and runs workers on them.
//
// # Client
//
// Bring an SQS client, made from your aws.Config as in any program of the AWS SDK:
//
//	cfg, err := config.LoadDefaultConfig(ctx)
//	client := sqs.NewFromConfig(cfg)
//
// Environment, profile and role decide on region and credentials. AWS_ENDPOINT_URL_SQS
// sends an unchanged program to another endpoint, such as the embedded server of package
// sqstest. [API] is what is used of the client, for wrappers and fakes.
//
// # Queues
//
// An application has a name, such as "dev-myapp", and a queue for each priority, each
// with a dead-letter queue: TASKHAWK-DEV-MYAPP, TASKHAWK-DEV-MYAPP-HIGH-PRIORITY,
// -LOW-PRIORITY, -BULK, and each of them with -DLQ. The Python library uses the same
// names. A [Naming] replaces them. [Provision] creates what is missing;
// docs/operations.md has the Terraform for it.
//
// # Publish
//
// [NewPublisher] makes the Publisher of a taskhawk.Config:
//
//	publisher, err := sqsx.NewPublisher(client, "dev-myapp", sqsx.PublisherConfig{})
//	hub, err := taskhawk.NewHub(taskhawk.Config{Publisher: publisher, Tasks: []taskhawk.AnyTask{SendEmail}})
//	id, err := SendEmail.Dispatch(ctx, SendEmailArgs{To: "ann@example.com"})
//
// What SQS would refuse is a *taskhawk.LimitError before any call: the SDK checks
// nothing, and would store a body of invalid UTF-8 changed. The task's name and the
// headers are mirrored as message attributes, as far as SQS takes them; the body has all
// of them.
//
// Concurrent dispatches share requests: the first goes at once, and those that come while
// its request is in flight go together in the next, up to ten. Each returns when SQS has
// stored its own message. An error that wraps taskhawk.ErrOutcomeUnknown says that it may
// be stored.
//
// # Work
//
// [NewWorker] makes a worker for all priorities, or for those in its config. Run ends
// when its context does, without losing a task:
//
//	worker, err := sqsx.NewWorker(client, "dev-myapp", hub, sqsx.WorkerConfig{Concurrency: 20})
//	err = taskhawk.RunUntilSignal(ctx, worker)
//
// An empty queue has one long poll, one with a backlog has several receives at a time.
// The worker extends the visibility timeout of each message that it holds, at half of it.
// A message is deleted when its handler has succeeded, and only then; deletes share
// requests as sends do. On FIFO queues (names in .fifo) the messages of a group are
// handled in order. [MessageFrom] gives a handler the SQS message that it runs for. Stats
// and Health tell how the worker fares.
//
// # Failures
//
// What a handler returns decides, see taskhawk.OutcomeOf. A message to retry gets a
// visibility timeout of the backoff's or the handler's choosing, in whole seconds. SQS
// moves a message to the dead-letter queue when it has been received more often than the
// queue's redrive policy allows; taskhawk.Permanent sends it there at once, with the
// attributes taskhawk_task, taskhawk_reason and taskhawk_attempt. What no task understands
// is retried too, never deleted. [DeadLetters] looks at dead letters, [Redrive] moves them
// back, all of them or by task and reason, [Drop] deletes them with copies, [Load] sends
// copies back, [Count] counts messages without a receive, and [Waiting] looks at some that
// wait. Package sqscheck compares the settings of the queues with what the code needs.
//
// Errors of calls are a [*QueueError] that names the queue and wraps what the SDK
// returned. Its text has no receipt handle.
//
// # Limits
//
// A message has at most [MaxMessageSize] bytes with its attributes, a delay at most
// [MaxDelay], a visibility timeout at most [MaxVisibility], counted from the receive over
// all extensions. When that is over, or no extension has got through for a visibility
// timeout, the lease is lost: the handler's context ends with the cause
// taskhawk.ErrVisibilityLost, and the worker leaves the message alone.
//
// # Permissions
//
// Publishers need sqs:GetQueueUrl and sqs:SendMessage. Workers need sqs:GetQueueUrl,
// sqs:ReceiveMessage, sqs:DeleteMessage and sqs:ChangeMessageVisibility, and
// sqs:SendMessage on the dead-letter queues. Package sqscheck writes the least IAM policy
// of each role.
package sqsx
