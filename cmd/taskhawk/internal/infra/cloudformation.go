package infra

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/taskhawk/taskhawk-go/sqsx/sqscheck"
)

type (
	object = map[string]any
	list   = []any
)

// CloudFormation returns the same as a template in JSON, for CloudFormation and SAM.
func CloudFormation(file File) ([]byte, error) {
	s, err := newStack(file)
	if err != nil {
		return nil, err
	}
	c := &cloudFormation{stack: s, resources: object{}}
	for i := range s.Apps {
		app := &s.Apps[i]
		for _, q := range s.queues[app.Name] {
			c.queue(&q)
			c.topic(&q)
			c.mapping(&q)
			c.alarms(&q)
		}
		if err := c.policies(app); err != nil {
			return nil, fmt.Errorf("app %q: %w", app.Name, err)
		}
		if err := c.schedules(app); err != nil {
			return nil, fmt.Errorf("app %q: %w", app.Name, err)
		}
		c.add(logical(app.Name), "Dashboard", "AWS::CloudWatch::Dashboard", object{
			"DashboardName": "taskhawk-" + app.Name, "DashboardBody": s.dashboardBody(app),
		})
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // EventBridge Scheduler looks for '<' in the input of schedules
	encoder.SetIndent("", "  ")
	const origin = `Written by "taskhawk terraform --format cloudformation": change its input and run it again`
	err = encoder.Encode(object{
		"AWSTemplateFormatVersion": "2010-09-09",
		"Description":              origin,
		"Resources":                c.resources,
	})
	if err != nil {
		return nil, fmt.Errorf("encode the template: %w", err)
	}
	return text.Bytes(), nil
}

type cloudFormation struct {
	*stack

	resources object
}

// logical makes a logical id of parts: letters and digits.
func logical(parts ...string) string {
	var id strings.Builder
	for word := range strings.SplitSeq(strings.Trim(identifier(parts...), "_"), "_") {
		_, _ = id.WriteString(strings.ToUpper(word[:1]) + word[1:]) // a builder takes everything
	}
	return id.String()
}

func (c *cloudFormation) add(id, suffix, kind string, properties object) {
	c.resources[id+suffix] = object{"Type": kind, "Properties": properties}
}

func (c *cloudFormation) tagged(properties object) object {
	var tags list
	for _, key := range sortedKeys(c.Tags) {
		tags = append(tags, object{"Key": key, "Value": c.Tags[key]})
	}
	if len(tags) > 0 {
		properties["Tags"] = tags
	}
	return properties
}

func arnOf(id string) object { return object{"Fn::GetAtt": list{id, "Arn"}} }

func ref(id string) object { return object{"Ref": id} }

func (q *queue) logical() string { return logical(q.app.Name, q.priority.String()) }

func (c *cloudFormation) queue(q *queue) {
	id, set := q.logical(), q.settings
	redrive := object{"deadLetterTargetArn": arnOf(id + "DeadLetters"), "maxReceiveCount": set.MaxReceiveCount}
	common := func(properties object) object {
		properties["MaximumMessageSize"], properties["SqsManagedSseEnabled"] = set.MaximumMessageSize, true
		if q.app.FIFO {
			properties["FifoQueue"], properties["ContentBasedDeduplication"] = true, true
		}
		return c.tagged(properties)
	}
	c.add(id, "Queue", "AWS::SQS::Queue", common(object{
		"QueueName":                     q.name,
		"VisibilityTimeout":             inSeconds(set.VisibilityTimeout),
		"MessageRetentionPeriod":        inSeconds(set.Retention),
		"ReceiveMessageWaitTimeSeconds": inSeconds(set.WaitTime),
		"RedrivePolicy":                 redrive,
	}))
	// The ARN of the queue in words: a reference would go in a circle.
	c.add(id, "DeadLetters", "AWS::SQS::Queue", common(object{
		"QueueName":              q.deadLetters,
		"MessageRetentionPeriod": inSeconds(set.DeadLetterRetention),
		"RedriveAllowPolicy":     object{"redrivePermission": "byQueue", "sourceQueueArns": list{c.queueARN(q.name)}},
	}))
}

func (c *cloudFormation) topic(q *queue) {
	if !q.app.Topics {
		return
	}
	id := q.logical()
	topic := object{"TopicName": topicName(q)}
	if q.app.FIFO {
		topic["FifoTopic"], topic["ContentBasedDeduplication"] = true, true
	}
	c.add(id, "Topic", "AWS::SNS::Topic", c.tagged(topic))
	c.add(id, "Subscription", "AWS::SNS::Subscription", object{
		"TopicArn": ref(id + "Topic"), "Protocol": "sqs", "Endpoint": arnOf(id + "Queue"), "RawMessageDelivery": true,
		"RedrivePolicy": object{"deadLetterTargetArn": arnOf(id + "DeadLetters")},
	})
	var statements list
	for _, suffix := range []string{"Queue", "DeadLetters"} {
		statements = append(statements, object{
			"Sid": "TaskhawkTopic" + suffix, "Effect": "Allow", "Principal": object{"Service": "sns.amazonaws.com"},
			"Action": "sqs:SendMessage", "Resource": arnOf(id + suffix),
			"Condition": object{"ArnEquals": object{"aws:SourceArn": ref(id + "Topic")}},
		})
	}
	for i, suffix := range []string{"Queue", "DeadLetters"} {
		c.add(id, suffix+"Policy", "AWS::SQS::QueuePolicy", object{
			"Queues":         list{ref(id + suffix)},
			"PolicyDocument": object{"Version": "2012-10-17", "Statement": list{statements[i]}},
		})
	}
}

func (c *cloudFormation) mapping(q *queue) {
	f := q.app.Function
	if f == nil {
		return
	}
	properties := object{
		"EventSourceArn": arnOf(q.logical() + "Queue"), "FunctionName": f.Name, "BatchSize": f.BatchSize,
		"FunctionResponseTypes": list{"ReportBatchItemFailures"},
	}
	if f.Window > 0 {
		properties["MaximumBatchingWindowInSeconds"] = f.Window
	}
	if f.MaximumConcurrency > 0 {
		properties["ScalingConfig"] = object{"MaximumConcurrency": f.MaximumConcurrency}
	}
	c.add(q.logical(), "Mapping", "AWS::Lambda::EventSourceMapping", properties)
}

func (c *cloudFormation) alarms(q *queue) {
	for _, a := range q.alarmsOf() {
		properties := object{
			"AlarmName": a.queue + " " + strings.ReplaceAll(a.suffix, "_", " "), "AlarmDescription": a.comment,
			"Namespace": "AWS/SQS", "MetricName": a.metric, "Statistic": "Maximum",
			"Period": 60, "EvaluationPeriods": 1, "TreatMissingData": "notBreaching",
			"Dimensions":         list{object{"Name": "QueueName", "Value": a.queue}},
			"ComparisonOperator": "GreaterThanOrEqualToThreshold", "Threshold": a.threshold,
		}
		if c.AlarmTopic != "" {
			properties["AlarmActions"] = list{c.AlarmTopic}
		}
		c.add(q.logical(), logical(a.suffix)+"Alarm", "AWS::CloudWatch::Alarm", c.tagged(properties))
	}
}

func (c *cloudFormation) policies(app *App) error {
	policies, err := c.programPolicies(app)
	if err != nil {
		return err
	}
	for _, p := range policies {
		c.add(logical(app.Name, p.role), "Policy", "AWS::IAM::ManagedPolicy", object{
			"ManagedPolicyName": "taskhawk-" + app.Name + "-" + p.role, "PolicyDocument": json.RawMessage(p.text),
		})
	}
	return nil
}

func (c *cloudFormation) schedules(app *App) error {
	if len(app.Schedules) == 0 {
		return nil
	}
	policy, err := c.policy(app, sqscheck.RoleSchedule)
	if err != nil {
		return err
	}
	id := logical(app.Name, "schedules")
	c.add(id, "DeadLetters", "AWS::SQS::Queue", c.tagged(object{
		"QueueName": scheduleQueue(app.Name), "MessageRetentionPeriod": 1209600, "SqsManagedSseEnabled": true,
	}))
	c.add(id, "Role", "AWS::IAM::Role", c.tagged(object{
		"AssumeRolePolicyDocument": object{"Version": "2012-10-17", "Statement": list{object{
			"Effect": "Allow", "Principal": object{"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole",
			"Condition": object{"StringEquals": object{"aws:SourceAccount": c.Account}},
		}}},
		"Policies": list{object{"PolicyName": "send", "PolicyDocument": json.RawMessage(policy)}},
	}))
	for i := range app.Schedules {
		sch := &app.Schedules[i]
		input, err := c.input(app, sch)
		if err != nil {
			return err
		}
		c.add(logical(app.Name, sch.Name), "Schedule", "AWS::Scheduler::Schedule", object{
			"Name": app.Name + "-" + sch.Name, "ScheduleExpression": sch.Expression,
			"ScheduleExpressionTimezone": cmp.Or(sch.Zone, "UTC"), "FlexibleTimeWindow": object{"Mode": "OFF"},
			"Target": object{
				"Arn": c.universalTarget(), "RoleArn": arnOf(id + "Role"), "Input": input,
				"DeadLetterConfig": object{"Arn": arnOf(id + "DeadLetters")},
				"RetryPolicy":      object{"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185},
			},
		})
	}
	return nil
}
