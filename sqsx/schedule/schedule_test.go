package schedule_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/schedule"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestPutRefusesWhatCannotRun(t *testing.T) { //nolint:tparallel // the server is looked at when all are done
	t.Parallel()
	f := newFixture(t)
	daily, good := schedule.Cron("0 9 * * ? *", nil), emailArgs{To: "a"}
	fifo := f.with(func(c *schedule.Config) {
		c.Naming = func(app string, priority taskhawk.Priority) string { return sqsx.QueueName(app, priority) + ".fifo" }
	})
	small := f.with(func(c *schedule.Config) { c.Publisher.MaxMessageSize = 1024 })
	limit := func(err error) bool { _, ok := errors.AsType[*taskhawk.LimitError](err); return ok }
	for name, c := range map[string]struct {
		s       *schedule.Scheduler
		name    string
		when    schedule.When
		args    emailArgs
		options []taskhawk.DispatchOption
		is      func(error) bool
		text    string
	}{
		"a name":                  {when: daily, args: good, name: "a b", text: `"a b" is not 1 to 64`},
		"no time":                 {args: good, text: "no time"},
		"a time that has passed":  {when: schedule.At(time.Now().Add(-time.Second)), args: good, text: "the time has passed"},
		"a rate of seconds":       {when: schedule.Rate(90 * time.Second), args: good, text: "not a multiple of a minute"},
		"a rate of nothing":       {when: schedule.Rate(0), args: good, text: "not a multiple of a minute"},
		"five fields":             {when: schedule.Cron("0 9 * * ?", nil), args: good, text: "does not have six fields"},
		"the zone of the machine": {when: schedule.Cron("0 9 * * ? *", time.Local), args: good, text: "IANA"},
		"values of cron": {
			when: schedule.Cron("0 25 * * ? *", nil), args: good,
			is: func(err error) bool { _, ok := errors.AsType[*types.ValidationException](err); return ok },
		},
		"invalid arguments": {
			when: daily, is: func(err error) bool { _, ok := errors.AsType[*taskhawk.ValidationError](err); return ok },
		},
		"a keyword in an argument": {
			when: daily, args: emailArgs{To: "<aws.scheduler.scheduled-time>"},
			is: func(err error) bool { return errors.Is(err, schedule.ErrKeyword) },
		},
		"half a keyword": {
			when: daily, args: emailArgs{To: "a", Subject: "<aws.scheduler.x"}, is: func(err error) bool { return errors.Is(err, schedule.ErrKeyword) },
		},
		"a keyword in a header": {
			when: daily, args: good, options: []taskhawk.DispatchOption{taskhawk.WithHeaders(taskhawk.Headers{"k": "<aws.scheduler.attempt-number>"})},
			is: func(err error) bool { return errors.Is(err, schedule.ErrKeyword) },
		},
		"a keyword in the group": {
			when: daily, args: good, options: []taskhawk.DispatchOption{taskhawk.WithGroup("<aws.scheduler.attempt-number>")},
			is: func(err error) bool { return errors.Is(err, schedule.ErrKeyword) },
		},
		"an id for all firings": {
			when: daily, args: good, options: []taskhawk.DispatchOption{taskhawk.WithID("x")}, text: "one id",
		},
		"a deduplication id for all firings": {
			s: fifo, when: daily, args: good, text: "one message of several",
			options: []taskhawk.DispatchOption{taskhawk.WithGroup("g"), taskhawk.WithDeduplicationID("x")},
		},
		"no group for FIFO": {s: fifo, when: daily, args: good, is: limit, text: "group is missing"},
		"a long delay": {
			when: daily, args: good, options: []taskhawk.DispatchOption{taskhawk.WithDelay(time.Hour)}, is: limit, text: "delay",
		},
		"too large": {s: small, when: daily, args: emailArgs{To: strings.Repeat("a", 900)}, is: limit, text: "size"},
	} {
		t.Run(name, func(t *testing.T) {
			s, id := f.scheduler, "s"
			if c.s != nil {
				s = c.s
			}
			if c.name != "" {
				id = c.name
			}
			err := schedule.Put(t.Context(), s, id, c.when, f.email, c.args, c.options...)
			require.ErrorContains(t, err, "schedule: put "+id+": ")
			require.ErrorContains(t, err, c.text)
			if c.is != nil {
				require.True(t, c.is(err), "%v", err)
			}
		})
	}
	list, err := f.client.ListSchedules(t.Context(), &scheduler.ListSchedulesInput{})
	require.NoError(t, err)
	require.Empty(t, list.Schedules)
}

func TestADefinitionHasRetriesAndDeadLetters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		const letters = "arn:aws:sqs:us-east-1:000000000000:letters"
		s := f.with(func(c *schedule.Config) { c.DeadLetterARN, c.RetryFor = letters, time.Hour })
		oslo, err := time.LoadLocation("Europe/Oslo")
		require.NoError(t, err)
		for name, c := range map[string]struct {
			when       schedule.When
			expression string
			zone       string
			after      types.ActionAfterCompletion
		}{
			"cron":   {schedule.Cron(" 0  9 * * ? * ", oslo), "cron(0 9 * * ? *)", "Europe/Oslo", types.ActionAfterCompletionNone},
			"minute": {schedule.Rate(time.Minute), "rate(1 minute)", "", types.ActionAfterCompletionNone},
			"hours":  {schedule.Rate(3 * time.Hour), "rate(3 hours)", "", types.ActionAfterCompletionNone},
			"days":   {schedule.Rate(48 * time.Hour), "rate(2 days)", "", types.ActionAfterCompletionNone},
			"at": {
				schedule.At(time.Date(2000, 6, 1, 2, 3, 4, 5, oslo)), "at(2000-06-01T00:03:05)", "UTC", types.ActionAfterCompletionDelete,
			},
		} {
			require.NoError(t, schedule.Put(t.Context(), s, name, c.when, f.email, emailArgs{To: "a"}))
			got, err := f.client.GetSchedule(t.Context(), &scheduler.GetScheduleInput{Name: &name})
			require.NoError(t, err)
			require.Equal(t, c.expression, *got.ScheduleExpression)
			if c.zone != "" {
				require.Equal(t, c.zone, *got.ScheduleExpressionTimezone)
			}
			require.Equal(t, c.after, got.ActionAfterCompletion)
			require.Equal(t, letters, *got.Target.DeadLetterConfig.Arn)
			require.Equal(t, int32(3600), *got.Target.RetryPolicy.MaximumEventAgeInSeconds)
			require.Equal(t, int32(185), *got.Target.RetryPolicy.MaximumRetryAttempts)
			require.Equal(t, role, *got.Target.RoleArn)
			require.Equal(t, "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", *got.Target.Arn)
			require.Equal(t, "Taskhawk task tasks.send_email", *got.Description)
		}
	})
}

func TestTheDefaultEndpointIsThatOfTheRegion(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for region, c := range map[string][2]string{
		"eu-west-1": {"arn:aws:iam::123456789012:role/r", "https://sqs.eu-west-1.amazonaws.com/123456789012/TASKHAWK-DEV-MYAPP-HIGH-PRIORITY"},
		"eu-isoe-west-1": {
			"arn:aws-iso-e:iam::123456789012:role/r",
			"https://sqs.eu-isoe-west-1.cloud.adc-e.uk/123456789012/TASKHAWK-DEV-MYAPP-HIGH-PRIORITY",
		},
		"cn-north-1": {"arn:aws-cn:iam::123456789012:role/r", "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/TASKHAWK-DEV-MYAPP-HIGH-PRIORITY"},
	} {
		api := &fakeAPI{}
		s, err := schedule.New(api, schedule.Config{App: app, Region: region, Account: "123456789012", RoleARN: c[0]})
		require.NoError(t, err)
		require.NoError(t, schedule.Put(t.Context(), s, "s", schedule.Rate(time.Hour), f.email.WithPriority(taskhawk.High), emailArgs{To: "a"}))
		var input struct{ QueueURL string }
		require.NoError(t, json.Unmarshal([]byte(*api.created[0].Target.Input), &input))
		require.Equal(t, c[1], input.QueueURL)
		require.True(t, strings.HasPrefix(*api.created[0].Target.Arn, strings.Join(strings.Split(c[0], ":")[:2], ":")+":scheduler:::"))
	}
}

// fakeAPI answers with the errors that it is given, one after another.
type fakeAPI struct {
	creates, updates []error
	created          []*scheduler.CreateScheduleInput
	updated          []*scheduler.UpdateScheduleInput
}

func next(errs *[]error) error {
	if len(*errs) == 0 {
		return nil
	}
	err := (*errs)[0]
	*errs = (*errs)[1:]
	return err
}

func (f *fakeAPI) CreateSchedule(
	_ context.Context, in *scheduler.CreateScheduleInput, _ ...func(*scheduler.Options),
) (*scheduler.CreateScheduleOutput, error) {
	f.created = append(f.created, in)
	return nil, next(&f.creates)
}

func (f *fakeAPI) UpdateSchedule(
	_ context.Context, in *scheduler.UpdateScheduleInput, _ ...func(*scheduler.Options),
) (*scheduler.UpdateScheduleOutput, error) {
	f.updated = append(f.updated, in)
	return nil, next(&f.updates)
}

func (f *fakeAPI) DeleteSchedule(
	context.Context, *scheduler.DeleteScheduleInput, ...func(*scheduler.Options),
) (*scheduler.DeleteScheduleOutput, error) {
	return nil, errors.New("denied")
}

func TestPutMeetsOthersThatCreateAndDelete(t *testing.T) {
	t.Parallel()
	exists, missing := &types.ConflictException{}, &types.ResourceNotFoundException{}
	for name, c := range map[string]struct {
		creates, updates []error
		calls            [2]int
		want             error
	}{
		"new":                 {nil, nil, [2]int{1, 0}, nil},
		"there":               {[]error{exists}, nil, [2]int{1, 1}, nil},
		"deleted in between":  {[]error{exists}, []error{missing}, [2]int{2, 1}, nil},
		"never the same":      {[]error{exists, exists, exists}, []error{missing, missing, missing}, [2]int{3, 3}, missing},
		"no such group":       {[]error{missing}, nil, [2]int{1, 0}, missing},
		"update is not right": {[]error{exists}, []error{errors.ErrUnsupported}, [2]int{1, 1}, errors.ErrUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			api := &fakeAPI{creates: c.creates, updates: c.updates}
			s, err := schedule.New(api, schedule.Config{App: app, Region: "us-east-1", Account: account, RoleARN: role})
			require.NoError(t, err)
			require.ErrorIs(t, schedule.Put(t.Context(), s, "s", schedule.Rate(time.Hour), f.email, emailArgs{To: "a"}), c.want)
			require.Len(t, api.created, c.calls[0])
			require.Len(t, api.updated, c.calls[1])
			require.ErrorContains(t, s.Cancel(t.Context(), "s"), "schedule: cancel s: denied")
		})
	}
}

func TestNewRefusesAWrongConfig(t *testing.T) {
	t.Parallel()
	_, err := schedule.New(nil, schedule.Config{})
	require.EqualError(t, err, "schedule: new: nil API")
	for text, change := range map[string]func(*schedule.Config){
		"no App":            func(c *schedule.Config) { c.App = "" },
		"region":            func(c *schedule.Config) { c.Region = "here" },
		"account":           func(c *schedule.Config) { c.Account = "1" },
		"RoleARN":           func(c *schedule.Config) { c.RoleARN = "role" },
		"DeadLetterARN":     func(c *schedule.Config) { c.DeadLetterARN = "letters" },
		"FIFO":              func(c *schedule.Config) { c.DeadLetterARN = "arn:aws:sqs:us-east-1:000000000000:letters.fifo" },
		"RetryFor 30s":      func(c *schedule.Config) { c.RetryFor = 30 * time.Second },
		"RetryFor 25h0m0s":  func(c *schedule.Config) { c.RetryFor = 25 * time.Hour },
		`name "a b" is not`: func(c *schedule.Config) { c.Group = "a b" },
	} {
		config := schedule.Config{App: app, Region: "us-east-1", Account: account, RoleARN: role}
		change(&config)
		_, err := schedule.New(&fakeAPI{}, config)
		require.ErrorContains(t, err, "schedule: new: ")
		require.ErrorContains(t, err, text)
	}
}

func TestWhenPrintsExpressionAndZone(t *testing.T) {
	t.Parallel()
	require.Equal(t, "cron(0 9 * * ? *) UTC", schedule.Cron("0 9 * * ? *", nil).String())
	require.Equal(t, "rate(5 minutes)", schedule.Rate(5*time.Minute).String())
}

func TestInputTakesSealedMessagesOnly(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "{}", `{"id":"x","metadata":{`, `{"id":"x","metadata":{"priority":"high"}}`} {
		_, err := schedule.Input("default", "s", &taskhawk.Outgoing{Body: body}, "https://sqs/1/q", sqsx.PublisherConfig{})
		require.ErrorContains(t, err, "not sealed by Task.Seal", body)
	}
}

// What is fired has the arguments that were put, whatever they are.
func FuzzArgumentsSurviveTheScheduler(f *testing.F) {
	for _, seed := range []string{"a", `"timestamp":1,`, `\u003caws.scheduler.x>`, "<aws.scheduler", `},"metadata":{"timestamp":5}`, "\u2028<>&"} {
		f.Add(seed, "k")
	}
	f.Fuzz(func(t *testing.T, subject, header string) {
		fixture := newFixture(t)
		args := emailArgs{To: "a", Subject: subject}
		err := schedule.Put(t.Context(), fixture.scheduler, "s", schedule.Cron("* * * * ? *", nil), fixture.email, args,
			taskhawk.WithHeaders(taskhawk.Headers{"k": header}))
		if err != nil {
			return
		}
		name := "s"
		got, err := fixture.client.GetSchedule(t.Context(), &scheduler.GetScheduleInput{Name: &name})
		require.NoError(t, err)
		fired := strings.NewReplacer(
			"<aws.scheduler.schedule-arn>", *got.Arn, "<aws.scheduler.scheduled-time>", "2000-01-01T00:01:00Z",
		).Replace(*got.Target.Input)
		require.NotContains(t, fired, "<aws.scheduler.")
		var in struct{ MessageBody string }
		require.NoError(t, json.Unmarshal([]byte(fired), &in))
		message, err := taskhawk.ParseMessage(in.MessageBody)
		require.NoError(t, err)
		require.Equal(t, *got.Arn+"/2000-01-01T00:01:00Z", message.ID)
		bound, err := fixture.email.Bind(message)
		require.NoError(t, err)
		require.Equal(t, args, bound)
		require.Equal(t, taskhawk.Headers{"k": header}, message.Headers)
	})
}
