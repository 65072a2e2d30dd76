package sqstest

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// schedule sends messages at its times. The next request to the server fires what is due,
// with the time at which it was due.
type schedule struct {
	scheduleDefinition

	name     string
	created  time.Time
	modified time.Time
	timing   timing
	next     time.Time // zero if there is no next time
}

// timing is a schedule expression.
type timing interface {
	// following returns the first time after t, or the zero time.
	following(t time.Time) time.Time
}

func (s *schedule) arn() string { return schedulerARN + "schedule/" + s.GroupName + "/" + s.name }

// prepare checks a schedule and sets its first time. It fires at the start of a minute,
// the earliest that the service may.
func (s *schedule) prepare(now time.Time) error {
	for _, check := range []func() error{s.checkNames, s.checkWindow, s.checkTarget, s.checkInput} {
		if err := check(); err != nil {
			return err
		}
	}
	start := now
	if s.StartDate != nil && s.StartDate.time().After(now) {
		start = s.StartDate.time()
	}
	zone := s.ScheduleExpressionTimezone
	if zone == "" {
		zone = "UTC"
	}
	location, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" {
		return errSchedule("The time zone %s is not known.", zone)
	}
	if s.timing, err = parseTiming(s.ScheduleExpression, location, start); err != nil {
		return err
	}
	if s.State == "" {
		s.State = "ENABLED"
	}
	next := s.timing.following(start.Add(-1))
	if next.IsZero() {
		return errSchedule("The expression has no time to come.")
	}
	if s.State == "ENABLED" {
		s.next = s.until(next)
	}
	return nil
}

// until returns t, or the zero time if t is after the end of the schedule.
func (s *schedule) until(t time.Time) time.Time {
	if s.EndDate != nil && t.After(s.EndDate.time()) {
		return time.Time{}
	}
	return t
}

func (s *schedule) checkNames() error {
	switch {
	case !legalScheduleName(s.name):
		return errSchedule("The name is not 1 to %d letters, digits, '-', '_' and '.'.", maxScheduled)
	case len(s.ScheduleExpression) > maxExpression:
		return errSchedule("The expression has more than %d characters.", maxExpression)
	case s.State != "" && s.State != "ENABLED" && s.State != "DISABLED":
		return errSchedule("The state is neither ENABLED nor DISABLED.")
	case s.ActionAfterCompletion != "" && s.ActionAfterCompletion != "NONE" && s.ActionAfterCompletion != "DELETE":
		return errSchedule("The action after completion is neither NONE nor DELETE.")
	}
	return nil
}

// checkWindow accepts the mode OFF only: a time within a window is not known in advance.
func (s *schedule) checkWindow() error {
	if s.FlexibleTimeWindow == nil || s.FlexibleTimeWindow.Mode != "OFF" {
		return errSchedule("FlexibleTimeWindow is required, and this server knows the mode OFF only.")
	}
	return nil
}

func (s *schedule) checkTarget() error {
	t := s.Target
	if t == nil || !strings.HasPrefix(t.RoleArn, "arn:aws:iam::") {
		return errSchedule("Target needs an Arn and the RoleArn of a role.")
	}
	if policy := t.RetryPolicy; policy != nil {
		if n := policy.MaximumRetryAttempts; n != nil && (*n < 0 || *n > 185) {
			return errSchedule("MaximumRetryAttempts is 0 to 185.")
		}
		if n := policy.MaximumEventAgeInSeconds; n != nil && (*n < 60 || *n > 86400) {
			return errSchedule("MaximumEventAgeInSeconds is 60 to 86400.")
		}
	}
	if t.DeadLetterConfig != nil && !strings.HasPrefix(t.DeadLetterConfig.Arn, "arn:aws:sqs:") {
		return errSchedule("DeadLetterConfig takes the ARN of a queue.")
	}
	return nil
}

// checkInput reads the input of the universal target. A templated target, the ARN of a
// queue, takes any text.
func (s *schedule) checkInput() error {
	if strings.HasPrefix(s.Target.Arn, "arn:aws:sqs:") {
		return nil
	}
	switch {
	case s.Target.Arn != sendTarget:
		return errSchedule("This server knows the targets %s and queues.", sendTarget)
	case s.Target.SqsParameters != nil:
		return errSchedule("SqsParameters are for the ARN of a queue.")
	}
	if err := decodeShape([]byte(s.Target.Input), &sendMessageInput{}); err != nil {
		return errSchedule("The Input is not a request of SendMessage: %s", asAPIError(err).message)
	}
	return nil
}

// settleSchedules fires what is due, in the order of time.
func (a *account) settleSchedules(now time.Time) {
	for {
		key := a.nextSchedule()
		s := a.schedules[key]
		if s == nil || s.next.After(now) {
			return
		}
		a.fire(s, s.next)
		s.next = s.until(s.timing.following(s.next))
		if s.next.IsZero() && s.ActionAfterCompletion == "DELETE" {
			delete(a.schedules, key)
		}
	}
}

// nextSchedule returns the key of the schedule that fires next, "" if there is none.
func (a *account) nextSchedule() string {
	next := ""
	for key, s := range a.schedules {
		if s.next.IsZero() {
			continue
		}
		if next == "" || s.next.Before(a.schedules[next].next) || s.next.Equal(a.schedules[next].next) && key < next {
			next = key
		}
	}
	return next
}

// fire sends the message of one firing. If that fails, the message goes to the schedule's
// dead-letter queue at once. The service would retry first.
func (a *account) fire(s *schedule, at time.Time) {
	input := strings.NewReplacer(
		"<aws.scheduler.schedule-arn>", s.arn(),
		"<aws.scheduler.scheduled-time>", at.UTC().Format(time.RFC3339),
		"<aws.scheduler.execution-id>", newID(),
		"<aws.scheduler.attempt-number>", "1",
	).Replace(s.Target.Input)
	err := a.fireAt(s, input, at)
	if err == nil {
		return
	}
	if s.Target.DeadLetterConfig == nil {
		return
	}
	letters := a.queueByARN(s.Target.DeadLetterConfig.Arn)
	if letters == nil {
		return
	}
	attributes := map[string]attributeValue{}
	for name, value := range map[string]string{
		"ERROR_CODE": asAPIError(err).code, "ERROR_MESSAGE": asAPIError(err).message, "SCHEDULE_ARN": s.arn(),
		"SCHEDULED_TIME": at.UTC().Format(time.RFC3339), "TARGET_ARN": s.Target.Arn, "RETRY_ATTEMPTS": "0",
		"EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
	} {
		attributes[name] = attributeValue{DataType: "String", StringValue: &value}
	}
	letter := &outgoing{MessageBody: input, MessageAttributes: attributes}
	_, _ = a.send(letters, letter, at) // there is no further place
}

func (a *account) fireAt(s *schedule, input string, at time.Time) error {
	if s.Target.Arn != sendTarget {
		q := a.queueByARN(s.Target.Arn)
		if q == nil {
			return errQueueDoesNotExist()
		}
		out := &outgoing{MessageBody: input}
		if s.Target.SqsParameters != nil {
			out.MessageGroupId = &s.Target.SqsParameters.MessageGroupId
		}
		_, err := a.send(q, out, at)
		return err
	}
	var in sendMessageInput
	if err := json.Unmarshal([]byte(input), &in); err != nil {
		return errSchedule("The Input is no request of SendMessage once its keywords are replaced.")
	}
	q, err := a.queue(in.QueueUrl)
	if err != nil {
		return err
	}
	_, err = a.send(q, &in.outgoing, at)
	return err
}

// parseTiming reads a schedule expression. A rate counts from start.
func parseTiming(expression string, zone *time.Location, start time.Time) (timing, error) {
	kind, rest, _ := strings.Cut(expression, "(")
	fields, closed := strings.CutSuffix(rest, ")")
	if !closed {
		return nil, errSchedule("The expression is not at(...), rate(...) or cron(...).")
	}
	switch kind {
	case "at":
		at, err := time.ParseInLocation("2006-01-02T15:04:05", fields, zone)
		if err != nil {
			return nil, errSchedule("The expression is not at(yyyy-mm-ddThh:mm:ss).")
		}
		return onceAt(at), nil
	case "rate":
		return parseRate(fields, start)
	case "cron":
		return parseCron(fields, zone)
	}
	return nil, errSchedule("The expression is not at(...), rate(...) or cron(...).")
}

// onceAt is an at expression.
type onceAt time.Time

func (o onceAt) following(t time.Time) time.Time {
	if at := time.Time(o); at.After(t) {
		return at
	}
	return time.Time{}
}

// rate is a rate expression. The first time is its start; a day is 24 hours even when
// clocks change.
type rate struct {
	start time.Time
	every time.Duration
}

func (r rate) following(t time.Time) time.Time {
	if t.Before(r.start) {
		return r.start
	}
	return r.start.Add(t.Sub(r.start).Truncate(r.every) + r.every)
}

func parseRate(fields string, start time.Time) (timing, error) {
	value, unit, _ := strings.Cut(fields, " ")
	n, err := strconv.Atoi(value)
	units := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
	every := units[strings.TrimSuffix(unit, "s")]
	if err != nil || n < 1 || every == 0 {
		return nil, errSchedule("The expression is not rate(n minutes), rate(n hours) or rate(n days).")
	}
	return rate{start, time.Duration(n) * every}, nil
}

// nextFiring returns when the next schedule fires, at most deadline.
func (a *account) nextFiring(deadline time.Time) time.Time {
	if s := a.schedules[a.nextSchedule()]; s != nil && s.next.Before(deadline) {
		return s.next
	}
	return deadline
}
