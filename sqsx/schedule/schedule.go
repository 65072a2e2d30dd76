package schedule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/taskhawk/taskhawk-go/internal/partition"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// API has the calls of EventBridge Scheduler that this package makes. *scheduler.Client
// implements it. It must be safe for concurrent use.
type API interface {
	CreateSchedule(
		context.Context, *scheduler.CreateScheduleInput, ...func(*scheduler.Options),
	) (*scheduler.CreateScheduleOutput, error)
	UpdateSchedule(
		context.Context, *scheduler.UpdateScheduleInput, ...func(*scheduler.Options),
	) (*scheduler.UpdateScheduleOutput, error)
	DeleteSchedule(
		context.Context, *scheduler.DeleteScheduleInput, ...func(*scheduler.Options),
	) (*scheduler.DeleteScheduleOutput, error)
}

// Config sets the queues that a [Scheduler] sends to, and how it sends.
type Config struct {
	// App is the name of the application, such as "dev-myapp". Required.
	App string
	// Region is the region of the queues, such as "us-east-1". Required.
	Region string
	// Account is the number of the account of the queues, 12 digits. Required.
	Account string
	// RoleARN is the ARN of the role that EventBridge Scheduler sends with. Required.
	RoleARN string
	// Group is the schedule group, which must exist. Default: "default".
	Group string
	// DeadLetterARN is the ARN of a standard queue for firings that could not be sent.
	// Use a separate queue, since it gets requests of SendMessage, not task messages.
	// Default: none, which loses such firings.
	DeadLetterARN string
	// RetryFor is how long a firing is retried, 1 minute to 24 hours, at most 185 times.
	// Default: 24 hours.
	RetryFor time.Duration
	// Naming returns the names of the queues. Default: sqsx.QueueName.
	Naming sqsx.Naming
	// Endpoint is the prefix of queue URLs, up to the account. Default: the endpoint of
	// SQS in the region, such as "https://sqs.us-east-1.amazonaws.com".
	Endpoint string
	// Publisher has the limits of messages, MaxMessageSize and MaxAttributes, the same as
	// in the sqsx.Publisher of the program. Other fields are ignored.
	Publisher sqsx.PublisherConfig
}

const (
	maxRetries  = 185 // MaximumRetryAttempts
	minRetryFor = time.Minute
	maxRetryFor = 24 * time.Hour
	callTimeout = 30 * time.Second
)

var (
	// ErrNotFound is wrapped by the error of [Scheduler.Cancel] if no schedule has that
	// name, also after a schedule of [At] has fired.
	ErrNotFound = errors.New("no such schedule")
	// ErrKeyword is wrapped by the error of [Put] when arguments, headers or the group
	// have a text that begins with "<aws.scheduler.": the service would replace it.
	ErrKeyword = errors.New(`a text has "<aws.scheduler.", which the service replaces`)
)

// Scheduler keeps the schedules of an application. It is safe for concurrent use.
type Scheduler struct {
	api    API
	config Config
}

// New returns a scheduler. It makes no call.
func New(api API, config Config) (*Scheduler, error) {
	if api == nil {
		return nil, errors.New("schedule: new: nil API")
	}
	if err := config.check(); err != nil {
		return nil, fmt.Errorf("schedule: new: %w", err)
	}
	return &Scheduler{api: api, config: config}, nil
}

func (c *Config) check() error {
	c.Group = cmp.Or(c.Group, "default")
	c.RetryFor = cmp.Or(c.RetryFor, maxRetryFor)
	if c.Naming == nil {
		c.Naming = sqsx.QueueName
	}
	switch {
	case c.App == "":
		return errors.New("no App")
	case !partition.IsRegion(c.Region):
		return fmt.Errorf("region %q is not a name such as us-east-1", c.Region)
	case !regexp.MustCompile(`^\d{12}$`).MatchString(c.Account):
		return fmt.Errorf("account %q is not 12 digits", c.Account)
	case !regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/`).MatchString(c.RoleARN):
		return fmt.Errorf("RoleARN %q is not the ARN of a role", c.RoleARN)
	case c.DeadLetterARN != "" && !isQueueARN(c.DeadLetterARN):
		return fmt.Errorf("DeadLetterARN %q is not the ARN of a queue", c.DeadLetterARN)
	case strings.HasSuffix(c.DeadLetterARN, ".fifo"):
		return errors.New("DeadLetterARN of a FIFO queue: EventBridge Scheduler needs a standard queue")
	case c.RetryFor < minRetryFor || c.RetryFor > maxRetryFor:
		return fmt.Errorf("RetryFor %s: %s to %s", c.RetryFor, minRetryFor, maxRetryFor)
	}
	if c.Endpoint == "" {
		c.Endpoint = "https://sqs." + c.Region + "." + partition.Domain(c.partition())
	}
	return checkName(c.Group)
}

func isQueueARN(arn string) bool {
	return regexp.MustCompile(`^arn:aws[a-z-]*:sqs:[^:]+:\d{12}:.+$`).MatchString(arn)
}

// partition returns the partition of the role.
func (c *Config) partition() string { return strings.Split(c.RoleARN, ":")[1] }

func checkName(name string) error {
	if !regexp.MustCompile(`^[0-9a-zA-Z._-]{1,64}$`).MatchString(name) {
		return fmt.Errorf("name %q is not 1 to 64 letters, digits, '-', '_' and '.'", name)
	}
	return nil
}

// Put creates or replaces the schedule of that name, which dispatches task with args at
// the times of when. Names have up to 64 letters, digits, '-', '_' and '.'. Putting the
// same again changes nothing.
//
// Arguments and options are checked as Dispatch does, and by the limits of SQS, with the
// same errors: *taskhawk.ValidationError, *taskhawk.ArgumentError, *taskhawk.LimitError
// and so on. The hub needs no publisher. taskhawk.WithID and WithDeduplicationID are for
// [At] only, since each firing has an id. A FIFO queue needs taskhawk.WithGroup.
//
// Put makes one or two calls. The errors of the service, such as
// *types.ValidationException for an expression that it refuses, are wrapped.
func Put[Args any](
	ctx context.Context, s *Scheduler, name string, when When,
	task *taskhawk.Task[Args], args Args, options ...taskhawk.DispatchOption,
) error {
	first := []taskhawk.DispatchOption{taskhawk.WithID(FiringID)}
	out, err := task.Seal(ctx, args, append(first, options...)...)
	if err == nil {
		err = s.put(ctx, name, when, out)
	}
	if err != nil {
		return fmt.Errorf("schedule: put %s: %w", name, err)
	}
	return nil
}

// Cancel deletes the schedule of that name. The error wraps [ErrNotFound] when there is
// none. A message already on its queue still runs.
func (s *Scheduler) Cancel(ctx context.Context, name string) error {
	err := checkName(name)
	if err == nil {
		in := &scheduler.DeleteScheduleInput{Name: &name, GroupName: &s.config.Group}
		_, err = call(ctx, s.api.DeleteSchedule, in)
	}
	if _, missing := errors.AsType[*types.ResourceNotFoundException](err); missing {
		err = fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	if err != nil {
		return fmt.Errorf("schedule: cancel %s: %w", name, err)
	}
	return nil
}

// rounds limits the attempts to create or update, since another process may create or
// delete the schedule in between.
const rounds = 3

func (s *Scheduler) put(ctx context.Context, name string, when When, out *taskhawk.Outgoing) error {
	in, err := s.definition(name, when, out)
	if err != nil {
		return err
	}
	for range rounds {
		_, err = call(ctx, s.api.CreateSchedule, in)
		if _, exists := errors.AsType[*types.ConflictException](err); !exists {
			return err
		}
		_, err = call(ctx, s.api.UpdateSchedule, update(in))
		if _, missing := errors.AsType[*types.ResourceNotFoundException](err); !missing {
			return err
		}
	}
	return err
}

// definition returns the input of CreateSchedule.
func (s *Scheduler) definition(name string, when When, out *taskhawk.Outgoing) (*scheduler.CreateScheduleInput, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	switch {
	case when.err != nil:
		return nil, when.err
	case when.expression == "":
		return nil, errors.New("no time: use At, Rate or Cron")
	case when.once && !when.at.After(time.Now()):
		return nil, errors.New("the time has passed")
	case !when.once && out.ID != FiringID:
		return nil, errors.New("WithID would give all firings one id")
	case !when.once && out.DeduplicationID != "":
		return nil, errors.New("WithDeduplicationID would make one message of several firings")
	}
	queue := s.config.Naming(s.config.App, out.Priority)
	input, err := Input(s.config.Group, name, out, s.config.Endpoint+"/"+s.config.Account+"/"+queue, s.config.Publisher)
	if err != nil {
		return nil, err
	}
	in := &scheduler.CreateScheduleInput{
		Name:                  &name,
		GroupName:             &s.config.Group,
		Description:           aws.String("Taskhawk task " + clip(out.Task)),
		ScheduleExpression:    &when.expression,
		FlexibleTimeWindow:    &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
		ActionAfterCompletion: types.ActionAfterCompletionNone,
		Target: &types.Target{
			Arn:     aws.String("arn:" + s.config.partition() + ":scheduler:::aws-sdk:sqs:sendMessage"),
			RoleArn: &s.config.RoleARN,
			Input:   &input,
			RetryPolicy: &types.RetryPolicy{
				MaximumEventAgeInSeconds: aws.Int32(int32(s.config.RetryFor / time.Second)),
				MaximumRetryAttempts:     aws.Int32(maxRetries),
			},
		},
	}
	if when.zone != "" {
		in.ScheduleExpressionTimezone = &when.zone
	}
	if !when.start.IsZero() {
		in.StartDate = &when.start
	}
	if when.once {
		in.ActionAfterCompletion = types.ActionAfterCompletionDelete
	}
	if s.config.DeadLetterARN != "" {
		in.Target.DeadLetterConfig = &types.DeadLetterConfig{Arn: &s.config.DeadLetterARN}
	}
	return in, nil
}

// clip shortens the name of a task to the limit of a description.
func clip(task string) string { return strings.ToValidUTF8(task[:min(len(task), 256)], "") }

// update converts a definition for UpdateSchedule, which replaces the whole schedule.
func update(in *scheduler.CreateScheduleInput) *scheduler.UpdateScheduleInput {
	return &scheduler.UpdateScheduleInput{
		Name:                       in.Name,
		GroupName:                  in.GroupName,
		Description:                in.Description,
		ScheduleExpression:         in.ScheduleExpression,
		ScheduleExpressionTimezone: in.ScheduleExpressionTimezone,
		StartDate:                  in.StartDate,
		FlexibleTimeWindow:         in.FlexibleTimeWindow,
		ActionAfterCompletion:      in.ActionAfterCompletion,
		Target:                     in.Target,
	}
}

// call gives a call a deadline: the SDK has none.
func call[In, Out any](
	ctx context.Context, method func(context.Context, *In, ...func(*scheduler.Options)) (*Out, error), in *In,
) (*Out, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return method(ctx, in)
}
