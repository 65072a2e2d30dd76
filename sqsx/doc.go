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
// sends an unchanged program to another endpoint, such as the embedded server of
// package sqstest. [API] lists the methods that sqsx calls, for wrappers and fakes.
//
// # Queues
//
// An application has a name, such as "dev-myapp", and a queue for each priority, each
// with a dead-letter queue: TASKHAWK-DEV-MYAPP, TASKHAWK-DEV-MYAPP-HIGH-PRIORITY,
// -LOW-PRIORITY, -BULK, and each of them with -DLQ. The Python library uses the same
// names. A [Naming] replaces them. [Provision] creates missing queues;
// docs/operations.md has Terraform for them.
//
// # Publish
//
// [NewPublisher] makes the Publisher of a taskhawk.Config:
//
//	publisher, err := sqsx.NewPublisher(client, "dev-myapp", sqsx.PublisherConfig{})
//	hub, err := taskhawk.NewHub(taskhawk.Config{Publisher: publisher, Tasks: []taskhawk.AnyTask{SendEmail}})
//	id, err := SendEmail.Dispatch(ctx, SendEmailArgs{To: "ann@example.com"})
//
// A message that SQS would refuse fails with a *taskhawk.LimitError before any call.
// The SDK checks nothing: SQS would store a body of invalid UTF-8 with other
// characters. The task's name and the headers are copied to message attributes, as many
// as SQS allows. The body has all of them.
//
// Concurrent dispatches share requests. The first message is sent at once. Messages
// that arrive while its request is in flight share the next request, up to ten. Each
// dispatch returns when SQS has stored its message. An error that wraps
// taskhawk.ErrOutcomeUnknown means that SQS may have stored the message.
//
// # Work
//
// [NewWorker] makes a worker for all priorities, or for those in its config. Run
// returns after its context ends, and loses no task:
//
//	worker, err := sqsx.NewWorker(client, "dev-myapp", hub, sqsx.WorkerConfig{Concurrency: 20})
//	err = taskhawk.RunUntilSignal(ctx, worker)
//
// The worker makes one long poll on an empty queue, and several receives at a time on a
// queue with a backlog. It extends the visibility timeout of each message in flight
// when half of it has passed. It deletes a message only after the handler has
// succeeded; deletes share requests as sends do. On FIFO queues (names in .fifo) the
// messages of a group are handled in order. [MessageFrom] gives a handler its SQS
// message. Stats and Health report on the worker.
//
// # Failures
//
// The value that a handler returns decides the outcome: see taskhawk.OutcomeOf. A
// message to retry gets a new visibility timeout, in whole seconds, from the backoff or
// the handler. SQS moves a message to the dead-letter queue when it has been received
// more often than the queue's redrive policy allows. taskhawk.Permanent sends it there
// at once, with the attributes taskhawk_task, taskhawk_reason and taskhawk_attempt. A
// message that cannot be read, or whose task is unknown, is retried too and never
// deleted.
//
// [DeadLetters] yields dead letters, and [Redrive] moves them back, all of them or by
// task and reason. [Drop] copies and deletes them, and [Load] sends the copies back.
// [Count] counts messages without receiving any. [Waiting] yields some waiting
// messages. Package sqscheck compares the settings of the queues with what the code
// needs.
//
// A failed call returns a [*QueueError], which names the queue and wraps the error of
// the SDK. Its text has no receipt handle.
//
// # Limits
//
// A message has at most [MaxMessageSize] bytes with its attributes, and a delay at most
// [MaxDelay]. Its visibility timeout is at most [MaxVisibility], counted from the
// receive over all extensions. After that time, or if no extension succeeds for one
// visibility timeout, the lease is lost. Then the handler's context ends with the cause
// taskhawk.ErrVisibilityLost, and the worker does not settle the message unless it
// receives it again.
//
// # Permissions
//
// Publishers need sqs:GetQueueUrl and sqs:SendMessage. Workers need sqs:GetQueueUrl,
// sqs:ReceiveMessage, sqs:DeleteMessage and sqs:ChangeMessageVisibility, and
// sqs:SendMessage on the dead-letter queues. Package sqscheck writes the least IAM policy
// of each role.
package sqsx
