package sqstest

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The operations of EventBridge Scheduler.
const (
	OpCreateSchedule      = "CreateSchedule"
	OpCreateScheduleGroup = "CreateScheduleGroup"
	OpDeleteSchedule      = "DeleteSchedule"
	OpGetSchedule         = "GetSchedule"
	OpListSchedules       = "ListSchedules"
	OpUpdateSchedule      = "UpdateSchedule"
)

func scheduleOperation(name string) operation {
	switch name {
	case OpCreateSchedule:
		return locked((*account).createSchedule)
	case OpCreateScheduleGroup:
		return locked((*account).createScheduleGroup)
	case OpDeleteSchedule:
		return locked((*account).deleteSchedule)
	case OpGetSchedule:
		return locked((*account).getSchedule)
	case OpListSchedules:
		return locked((*account).listSchedules)
	case OpUpdateSchedule:
		return locked((*account).updateSchedule)
	}
	return nil
}

const (
	restType      = "application/json"
	schedulePath  = "/schedules"
	groupPath     = "/schedule-groups/"
	schedulerARN  = "arn:aws:scheduler:" + region + ":" + accountID + ":"
	defaultGroup  = "default"
	sendTarget    = "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"
	maxExpression = 256
	maxScheduled  = 64 // characters of the name of a schedule or a group
)

// isScheduler reports whether a request is one of EventBridge Scheduler. The paths of
// queues begin with the number of the account.
func isScheduler(r *http.Request) bool {
	path := r.URL.Path
	return path == schedulePath || strings.HasPrefix(path, schedulePath+"/") || strings.HasPrefix(path, groupPath)
}

// restProtocol is AWS REST JSON, which EventBridge Scheduler speaks. Method and path name
// the operation; path and query have members that the body lacks.
type restProtocol struct {
	method string
	url    *url.URL
}

func (p restProtocol) operation(_ *http.Request, _ []byte) (string, error) {
	switch path := p.url.Path; {
	case p.method == http.MethodPost && strings.HasPrefix(path, groupPath):
		return OpCreateScheduleGroup, nil
	case p.method == http.MethodGet && path == schedulePath:
		return OpListSchedules, nil
	case path == schedulePath || strings.HasPrefix(path, groupPath):
	case p.method == http.MethodPost:
		return OpCreateSchedule, nil
	case p.method == http.MethodPut:
		return OpUpdateSchedule, nil
	case p.method == http.MethodGet:
		return OpGetSchedule, nil
	case p.method == http.MethodDelete:
		return OpDeleteSchedule, nil
	}
	return "", newError("UnknownOperationException", "The operation is not known to this server.")
}

func (restProtocol) find(name string) operation { return scheduleOperation(name) }

func (restProtocol) unknown() string { return "UnknownOperationException" }

// decode reads the body and the members in path and query.
func (p restProtocol) decode(body []byte, into any) error {
	if len(body) == 0 {
		body = []byte("{}")
	}
	if err := decodeShape(body, into); err != nil {
		return newError("ValidationException", "%s", asAPIError(err).message)
	}
	if addressed, ok := into.(interface {
		address(name string, query url.Values)
	}); ok {
		addressed.address(p.url.Path[strings.LastIndexByte(p.url.Path, '/')+1:], p.url.Query())
	}
	return nil
}

func (restProtocol) answer(_ string, out any) *reply {
	body, err := json.Marshal(out)
	return newReply(http.StatusOK, restType, body, err)
}

func (restProtocol) refusal(e *apiError) *reply {
	body, err := json.Marshal(map[string]string{"Message": e.message})
	status := e.httpStatus()
	if e.code == "ConflictException" {
		status = http.StatusConflict
	}
	r := newReply(status, restType, body, err)
	r.header.Set("X-Amzn-Errortype", e.code)
	return r
}

func errSchedule(format string, args ...any) *apiError {
	return newError("ValidationException", format, args...)
}

// scheduleRef is the part of an input that identifies the schedule.
type scheduleRef struct {
	name  string
	group string
}

func (r *scheduleRef) address(name string, query url.Values) {
	r.name, r.group = name, query.Get("groupName")
}

func (r *scheduleRef) key() string {
	if r.group == "" {
		r.group = defaultGroup
	}
	return r.group + "/" + r.name
}

// scheduleDefinition is the input of CreateSchedule and UpdateSchedule, and the output of
// GetSchedule.
type scheduleDefinition struct {
	ActionAfterCompletion      string `json:",omitempty"`
	ClientToken                string `json:",omitempty"`
	Description                string `json:",omitempty"`
	EndDate                    *epoch `json:",omitempty"`
	FlexibleTimeWindow         *flexibleTimeWindow
	GroupName                  string `json:",omitempty"`
	KmsKeyArn                  string `json:",omitempty"`
	ScheduleExpression         string
	ScheduleExpressionTimezone string `json:",omitempty"`
	StartDate                  *epoch `json:",omitempty"`
	State                      string `json:",omitempty"`
	Target                     *scheduleTarget
}

// epoch is a time in the protocol: seconds since 1970.
type epoch float64

func newEpoch(t time.Time) *epoch {
	seconds := epoch(t.UnixMilli()) / 1000
	return &seconds
}

func (e *epoch) time() time.Time { return time.UnixMilli(int64(*e * 1000)) }

type flexibleTimeWindow struct {
	Mode                   string
	MaximumWindowInMinutes *int `json:",omitempty"`
}

type scheduleTarget struct {
	Arn              string
	DeadLetterConfig *struct{ Arn string } `json:",omitempty"`
	Input            string                `json:",omitempty"`
	RetryPolicy      *retryPolicy          `json:",omitempty"`
	RoleArn          string
	SqsParameters    *struct{ MessageGroupId string } `json:",omitempty"`
}

type retryPolicy struct {
	MaximumEventAgeInSeconds *int `json:",omitempty"`
	MaximumRetryAttempts     *int `json:",omitempty"`
}

type putScheduleInput struct {
	scheduleRef
	scheduleDefinition
}

func (in *putScheduleInput) address(name string, _ url.Values) {
	in.name, in.group = name, in.GroupName
}

type scheduleARN struct {
	ScheduleArn string
}

func (a *account) createSchedule(c *call, in *putScheduleInput) (*scheduleARN, error) {
	if old := a.schedules[in.key()]; old != nil {
		// The SDK repeats a call with the same token.
		if in.ClientToken != "" && old.ClientToken == in.ClientToken {
			return &scheduleARN{old.arn()}, nil
		}
		return nil, newError("ConflictException", "Schedule %s already exists.", in.name)
	}
	return a.putSchedule(c, in)
}

func (a *account) updateSchedule(c *call, in *putScheduleInput) (*scheduleARN, error) {
	old := a.schedules[in.key()]
	if old == nil {
		return nil, errNoSchedule(in.name)
	}
	arn, err := a.putSchedule(c, in)
	if err == nil {
		a.schedules[in.key()].created = old.created
	}
	return arn, err
}

func (a *account) putSchedule(c *call, in *putScheduleInput) (*scheduleARN, error) {
	key := in.key()
	if !a.scheduleGroups[in.group] {
		return nil, newError("ResourceNotFoundException", "Schedule group %s does not exist.", in.group)
	}
	s := &schedule{scheduleDefinition: in.scheduleDefinition, name: in.name, created: c.now, modified: c.now}
	s.GroupName = in.group
	if err := s.prepare(c.now); err != nil {
		return nil, err
	}
	a.schedules[key] = s
	for _, q := range a.queues {
		q.signal() // parked polls must take the schedule into account
	}
	return &scheduleARN{s.arn()}, nil
}

func errNoSchedule(name string) *apiError {
	return newError("ResourceNotFoundException", "Schedule %s does not exist.", name)
}

func (a *account) deleteSchedule(_ *call, in *scheduleRef) (struct{}, error) {
	if a.schedules[in.key()] == nil {
		return struct{}{}, errNoSchedule(in.name)
	}
	delete(a.schedules, in.key())
	return struct{}{}, nil
}

type getScheduleOutput struct {
	Arn                  string
	CreationDate         *epoch
	LastModificationDate *epoch
	Name                 string
	scheduleDefinition
}

func (a *account) getSchedule(_ *call, in *scheduleRef) (*getScheduleOutput, error) {
	s := a.schedules[in.key()]
	if s == nil {
		return nil, errNoSchedule(in.name)
	}
	out := &getScheduleOutput{
		Arn: s.arn(), CreationDate: newEpoch(s.created), LastModificationDate: newEpoch(s.modified), Name: s.name,
		scheduleDefinition: s.scheduleDefinition,
	}
	out.ClientToken = ""
	return out, nil
}

type listSchedulesInput struct{ query url.Values }

func (in *listSchedulesInput) address(_ string, query url.Values) { in.query = query }

type scheduleSummary struct {
	Arn       string
	GroupName string
	Name      string
	State     string
	Target    struct{ Arn string }
}

type listSchedulesOutput struct {
	NextToken string `json:",omitempty"`
	Schedules []scheduleSummary
}

func (a *account) listSchedules(_ *call, in *listSchedulesInput) (*listSchedulesOutput, error) {
	out := &listSchedulesOutput{Schedules: []scheduleSummary{}}
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(a.schedules)) {
		s := a.schedules[key]
		if group := in.query.Get("ScheduleGroup"); group != "" && group != s.GroupName ||
			!strings.HasPrefix(s.name, in.query.Get("NamePrefix")) {
			continue
		}
		keys = append(keys, key)
	}
	keys, next, err := page(keys, optional(in.query.Get("NextToken")))
	if err != nil {
		return nil, errSchedule("%s", asAPIError(err).message)
	}
	for _, key := range keys {
		s := a.schedules[key]
		summary := scheduleSummary{Arn: s.arn(), GroupName: s.GroupName, Name: s.name, State: s.State}
		summary.Target.Arn = s.Target.Arn
		out.Schedules = append(out.Schedules, summary)
	}
	out.NextToken = next
	return out, nil
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

type scheduleGroupInput struct {
	scheduleRef
	ClientToken string
}

func (a *account) createScheduleGroup(_ *call, in *scheduleGroupInput) (map[string]string, error) {
	switch {
	case !legalScheduleName(in.name):
		return nil, errSchedule("The name of the group is not 1 to %d letters, digits, '-', '_' and '.'.", maxScheduled)
	case a.scheduleGroups[in.name]:
		return nil, newError("ConflictException", "Schedule group %s already exists.", in.name)
	}
	a.scheduleGroups[in.name] = true
	return map[string]string{"ScheduleGroupArn": schedulerARN + "schedule-group/" + in.name}, nil
}

func legalScheduleName(name string) bool {
	for _, r := range name {
		if !isWordCharacter(r) && r != '.' {
			return false
		}
	}
	return name != "" && len(name) <= maxScheduled
}
