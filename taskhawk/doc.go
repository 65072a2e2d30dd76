// Package taskhawk runs Go functions asynchronously: a function with a struct of
// arguments becomes a typed task, dispatching it puts a JSON message on one of four
// priority queues, and a worker or a Lambda function runs it, at least once. The messages
// follow the Python library of the same name.
//
// This package knows tasks and messages; package sqsx knows SQS, and package lambdax
// Lambda.
//
// # Declare
//
// [New] makes a [Task] of a name, which goes on the wire, and a function. Its arguments
// are one struct, each field a parameter:
//
//	type SendEmailArgs struct {
//		To        string  `validate:"required,email"`
//		Subject   string
//		FromEmail *string `taskhawk:"from_email,kw,optional"`
//	}
//
//	var SendEmail = taskhawk.New("tasks.send_email", sendEmail)
//
//	func sendEmail(ctx context.Context, args SendEmailArgs) error { ... }
//
// In Python that is send_email(to, subject, *, from_email=None). Package codec has the
// rules of the `taskhawk` tag. Rules for values go into `validate` tags, which are
// checked before a message is sent and again before the function runs.
//
// New panics on a mistake in the declaration, when the program starts. Nothing panics
// later. A task that dispatches itself would be an initialization cycle: declare it with a
// nil function, and give it one by WithHandler where the hub is made.
//
// # Dispatch
//
// A [Hub] connects tasks and a [Publisher]; sqsx.NewPublisher makes one for SQS. A
// task that is registered with a hub dispatches through it:
//
//	hub, err := taskhawk.NewHub(taskhawk.Config{Publisher: publisher, Tasks: []taskhawk.AnyTask{SendEmail}})
//	...
//	id, err := SendEmail.Dispatch(ctx, SendEmailArgs{To: "ann@example.com", Subject: "Hello!"})
//
// The compiler checks the arguments. Dispatch returns once the message is stored; an
// error of it means "not stored, or not known to be". DispatchAll sends many, in batches.
//
// Options set the priority, headers, a delay and more. Give them to New, as defaults, to
// a copy of the task, or to one call. Later options win, and headers merge:
//
//	urgent := SendEmail.WithPriority(taskhawk.High).WithHeaders(taskhawk.Headers{"tenant": "t1"})
//	id, err := urgent.Dispatch(ctx, args, taskhawk.WithHeaders(taskhawk.Headers{"request_id": "1234"}))
//
// A copy never changes, and neither does the task it was made of.
//
// # Run
//
// A [Worker] receives messages and runs their tasks: sqsx.NewWorker makes one for SQS,
// [NewWorker] for any other [Queue]. It passes each message to [Hub.Handle], as Lambda
// and Sync mode do. Handle reads the message, calls Config.Middleware, binds and validates
// the arguments, and calls the function.
//
// In the function, [MetadataFrom] returns the id, the headers and the attempt of the
// running task. A dispatch with the context of the function goes through the hub that
// runs it. [WithTimeout] limits how long the function may run. Meanwhile the worker keeps
// the message from others. If its lease is lost, the context of the function ends with
// the cause [ErrVisibilityLost].
//
// A task may run more than once: when the worker dies, when SQS delivers a message twice,
// when the visibility timeout passes. Make tasks idempotent; the id stays the same on
// every delivery.
//
// # Outcomes
//
// The error that a handler returns decides the outcome of the message, by [OutcomeOf]:
//
//	return nil                                   // done: deleted
//	return taskhawk.Ignore(err)                  // of no consequence: deleted
//	return taskhawk.Retry(err)                   // delivered again after the backoff
//	return taskhawk.RetryAfter(time.Minute, err) // delivered again after that time
//	return taskhawk.Permanent(err)               // to the dead-letter queue
//	return err                                   // as a panic: again, logged as an error
//
// These wrap the error, so errors.Is and errors.As see through them. A message that
// cannot be read ([*MessageError]), an unknown task ([ErrUnknownTask]), arguments that do
// not bind ([*ArgumentError]) and arguments that are not valid ([*ValidationError]) reach
// no handler and are delivered again, until the queue's redrive policy moves them to the
// dead-letter queue.
//
// Each delivery is logged in one line with log/slog, with the attributes of
// [AddLogAttrs]. The line never has arguments, header values or receipt handles, and
// neither has the text of an error of this package.
//
// Code of the program may panic, end its goroutine or hang: handlers, middleware, errors,
// loggers, publishers. Then the delivery or the dispatch that it belongs to fails, and no
// other.
//
// # Test
//
// Code that dispatches is tested with a recorder, from package taskhawktest:
//
//	ctx, recorder := taskhawktest.Record(t)
//	signUp(ctx, "ann@example.com")
//	sent := taskhawktest.Dispatched(t, recorder, SendEmail) // []SendEmailArgs
//
// taskhawktest.NewPipeline runs tasks too, until none is left. A hub with Config.Sync
// runs them inside Dispatch, through all of the above. [ContextWithHub] gives each test a
// separate hub, though tasks are package variables.
package taskhawk
