// Package sqsx is the SQS transport of Taskhawk: it publishes tasks to the queues of an application, and runs workers on them.
//
// # Client
//
// Bring an SQS client, made from your aws.Config as in any program of the AWS SDK:
//
//	cfg, err := config.LoadDefaultConfig(ctx)
//	client := sqs.NewFromConfig(cfg)
//
// Environment, profile and role decide on region and credentials. AWS_ENDPOINT_URL_SQS sends an unchanged program to another
// endpoint, such as the embedded server of package sqstest. [API] is what is used of the client, for wrappers and fakes.
//
// # Queues
//
// An application has a name, such as "dev-myapp", and a queue for each priority, each with a dead-letter queue: TASKHAWK-DEV-MYAPP,
// TASKHAWK-DEV-MYAPP-HIGH-PRIORITY, -LOW-PRIORITY, -BULK, and each of them with -DLQ. The Python library uses the same names. A
// [Naming] replaces them. [Provision] creates what is missing; docs/operations.md has the Terraform for it.
//
// # Publish
//
// [NewPublisher] makes the Publisher of a taskhawk.Config:
//
//	publisher, err := sqsx.NewPublisher(client, "dev-myapp", sqsx.PublisherConfig{})
//	hub, err := taskhawk.NewHub(taskhawk.Config{Publisher: publisher, Tasks: []taskhawk.AnyTask{SendEmail}})
//	id, err := SendEmail.Dispatch(ctx, SendEmailArgs{To: "ann@example.com"})
//
// What SQS would refuse is a [*LimitError] before any call: the SDK checks nothing, and would store a body of invalid UTF-8 changed.
// The task's name and the headers are mirrored as message attributes, as far as SQS takes them; the body has all of them.
//
// # Work
//
// [NewWorker] makes a worker for all priorities, or for those in its config. Run ends when its context does, without losing a task:
//
//	worker, err := sqsx.NewWorker(client, "dev-myapp", hub, sqsx.WorkerConfig{Concurrency: 20})
//	err = worker.Run(ctx)
//
// Each queue has one long poll at a time. A message is deleted when its handler has succeeded, and only then.
// [MessageFrom] gives a handler the SQS message that it runs for.
//
// # Failures
//
// What a handler returns decides, see taskhawk.OutcomeOf. A message to retry gets a visibility timeout of the backoff's or the handler's
// choosing, in whole seconds. SQS moves a message to the dead-letter queue when it has been received more often than the queue's
// redrive policy allows; taskhawk.Permanent sends it there at once, with the attributes taskhawk_task, taskhawk_reason and
// taskhawk_attempt. What nobody understands is retried too, never deleted. [Redrive] moves dead letters back.
//
// Errors of calls are a [*QueueError] that names the queue and wraps what the SDK returned. Its text has no receipt handle.
//
// # Limits
//
// A message has at most [MaxMessageSize] bytes with its attributes, a delay at most [MaxDelay], a visibility timeout at most
// [MaxVisibility], counted from the receive over all extensions. A handler that runs longer than the visibility timeout calls
// taskhawk.ExtendVisibility; there is no automatic extension. On FIFO queues, messages of a group that were
// received together may be handled at once: their order is not kept yet.
//
// # Permissions
//
// Publishers need sqs:GetQueueUrl and sqs:SendMessage. Workers need sqs:GetQueueUrl, sqs:ReceiveMessage, sqs:DeleteMessage and
// sqs:ChangeMessageVisibility, and sqs:SendMessage on the dead-letter queues. The IAM policies for these, and for Provision and Redrive,
// are in docs/operations.md.
package sqsx
