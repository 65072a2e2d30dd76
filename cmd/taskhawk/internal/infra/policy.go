package infra

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/taskhawk/taskhawk-go/sqsx/sqscheck"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// topicPublisher is the role of a program that publishes to topics: lambdax.NewPublisher
// with the account. Package sqscheck has the roles on queues.
const topicPublisher = "topic-publisher"

// rolePolicy is the policy of a role, in JSON.
type rolePolicy struct{ role, text string }

// programPolicies returns the policies of an application's programs.
func (s *stack) programPolicies(app *App) ([]rolePolicy, error) {
	var policies []rolePolicy
	for _, role := range app.roles() {
		text, err := s.policy(app, role)
		if err != nil {
			return nil, err
		}
		policies = append(policies, rolePolicy{string(role), text})
	}
	if !app.Topics {
		return policies, nil
	}
	text, err := s.topicPolicy(app)
	if err != nil {
		return nil, err
	}
	return append(policies, rolePolicy{topicPublisher, text}), nil
}

// roles returns the roles of the application's programs.
func (a *App) roles() []sqscheck.Role {
	if a.Function != nil {
		return []sqscheck.Role{sqscheck.RolePublisher, sqscheck.RoleFunction, sqscheck.RoleRedrive, sqscheck.RoleCheck}
	}
	return []sqscheck.Role{sqscheck.RolePublisher, sqscheck.RoleWorker, sqscheck.RoleRedrive, sqscheck.RoleCheck}
}

// policy returns the policy of a role.
func (s *stack) policy(app *App, role sqscheck.Role) (string, error) {
	priorities, err := parsePriorities(app.Priorities)
	if err != nil {
		return "", err
	}
	config := sqscheck.PolicyConfig{
		Roles: []sqscheck.Role{role}, Region: s.Region, Account: s.Account,
		Priorities: priorities, Naming: app.naming(),
	}
	if role == sqscheck.RoleSchedule {
		config.FiringsARN = s.queueARN(scheduleQueue(app.Name))
	}
	return sqscheck.Policy(app.Name, config)
}

// topicPolicy returns the policy of publishers to the topics of an application.
func (s *stack) topicPolicy(app *App) (string, error) {
	var topics list
	for _, q := range s.queues[app.Name] {
		topics = append(topics, s.topicARN(topicName(&q)))
	}
	text, err := json.MarshalIndent(object{"Version": "2012-10-17", "Statement": list{object{
		"Sid": "TaskhawkTopicPublisherTopics", "Effect": "Allow", "Action": list{"sns:Publish"}, "Resource": topics,
	}}}, "", "  ")
	if err != nil {
		return "", fmt.Errorf("policy of topics: %w", err)
	}
	return string(text), nil
}

// topicName returns the name that all Taskhawk libraries use.
func topicName(q *queue) string {
	name := "taskhawk-" + strings.ToLower(q.app.Name)
	switch q.priority {
	case taskhawk.High, taskhawk.Low:
		name += "-" + q.priority.String() + "-priority"
	case taskhawk.Bulk:
		name += "-bulk"
	default: // the name as it is
	}
	if q.app.FIFO {
		name += ".fifo"
	}
	return name
}

func (s *stack) topicARN(name string) string {
	return "arn:" + s.partition() + ":sns:" + s.Region + ":" + s.Account + ":" + name
}
