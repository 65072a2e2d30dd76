// Package schedule runs tasks later: at a time, at a rate, or by a cron expression. It
// keeps them in EventBridge Scheduler, which puts a message on the queue of the task at
// that time. No process of the program needs to run for it.
//
//	s, err := schedule.New(scheduler.NewFromConfig(awsConfig), schedule.Config{
//		App: "dev-myapp", Region: "us-east-1", Account: "123456789012",
//		RoleARN:       "arn:aws:iam::123456789012:role/dev-myapp-schedules",
//		DeadLetterARN: "arn:aws:sqs:us-east-1:123456789012:dev-myapp-schedules-DLQ",
//	})
//	err = schedule.Put(ctx, s, "daily", schedule.Cron("0 9 * * ? *", berlin), Report, ReportArgs{Kind: "sales"})
//	err = schedule.Put(ctx, s, "reminder-17", schedule.At(due), Remind, RemindArgs{ID: 17})
//	err = s.Cancel(ctx, "reminder-17")
//
// For delays of up to 15 minutes, taskhawk.WithDelay costs nothing.
//
// # What a firing is
//
// A firing is an ordinary message: any worker of the queue runs it, and so do the Python
// library's consumers. Its id is the ARN of the schedule and the time of the firing, so
// that a firing that is delivered twice has one id. Its timestamp is that time.
// Arguments, headers and priority are fixed at Put. So are headers that
// Config.DefaultHeaders takes from the context, such as a request id.
//
// The scheduler calls sqs:sendMessage as a universal target, whose input has all members
// of the request, message attributes among them ("Using universal targets in EventBridge
// Scheduler"). So firings have the attribute taskhawk_task, which the Python library 4.x
// with OpenTelemetry needs.
//
// The scheduler replaces words that begin with "<aws.scheduler." anywhere in the message.
// Put refuses arguments and headers that contain such a word: see [ErrKeyword].
//
// # When
//
// A firing comes within the minute of its time, at least once. A local time that the
// clock skips in spring has no firing, and one that it repeats in autumn has one. The
// scheduler retries firings that SQS refuses for [Config.RetryFor], and then sends them
// to the queue of [Config.DeadLetterARN].
//
// # Permissions
//
// The role of [Config.RoleARN] trusts scheduler.amazonaws.com, and allows sqs:SendMessage
// on the queues of the application and of DeadLetterARN: sqscheck.Policy writes that for
// RoleSchedule. The program needs scheduler:CreateSchedule, scheduler:UpdateSchedule and
// scheduler:DeleteSchedule on its schedules, and iam:PassRole on that role.
//
// # Testing
//
// Package sqsx/sqstest has an embedded scheduler whose schedules fire on virtual time; the
// example of [Put] uses it.
package schedule
