package infra

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/taskhawk/taskhawk-go/sqsx/sqscheck"
)

const header = `# Written by "taskhawk terraform". Change its input and run it again.
# The values are those that "taskhawk check" asks for (package sqsx/sqscheck).

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}
`

// Terraform returns the text of one file of Terraform for the AWS provider from version 5
// on.
func Terraform(file File) ([]byte, error) {
	s, err := newStack(file)
	if err != nil {
		return nil, err
	}
	w := &terraform{stack: s}
	_, _ = w.WriteString(header) // a builder takes everything
	for i := range s.Apps {
		app := &s.Apps[i]
		for _, q := range s.queues[app.Name] {
			w.queue(&q)
			w.topic(&q)
			w.mapping(&q)
			w.alarms(&q)
		}
		if err := w.policies(app); err != nil {
			return nil, fmt.Errorf("app %q: %w", app.Name, err)
		}
		if err := w.schedules(app); err != nil {
			return nil, fmt.Errorf("app %q: %w", app.Name, err)
		}
		w.dashboard(app)
	}
	return hclwrite.Format([]byte(w.String())), nil
}

// terraform writes blocks one after another; the end formats them.
type terraform struct {
	strings.Builder
	*stack
}

func (w *terraform) linef(format string, args ...any) {
	_, _ = fmt.Fprintf(w, format+"\n", args...) // a builder takes everything
}

// resource begins a block; end ends it.
func (w *terraform) resource(comment, kind, name string) {
	w.linef("\n# %s\nresource %q %q {", comment, kind, name)
}

func (w *terraform) end() { w.linef("}") }

// quote writes a text of HCL.
func quote(text string) string { return string(hclwrite.TokensForValue(cty.StringVal(text)).Bytes()) }

func (w *terraform) tags() {
	if len(w.Tags) == 0 {
		return
	}
	w.linef("tags = {")
	for _, key := range sortedKeys(w.Tags) {
		w.linef("%s = %s", quote(key), quote(w.Tags[key]))
	}
	w.linef("}")
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func (q *queue) id() string { return identifier(q.app.Name, q.priority.String()) }

func inSeconds(d time.Duration) int { return int(d / time.Second) }

func (w *terraform) queue(q *queue) {
	id, set := q.id(), q.settings
	w.resource("Tasks of priority "+q.priority.String()+" of "+q.app.Name+".", "aws_sqs_queue", id)
	w.linef("name = %s", quote(q.name))
	visibility := "what workers ask for, and extend while a task runs"
	if q.app.Function != nil {
		visibility = "six times the timeout of the function, and its window, as AWS advises"
	}
	w.linef("visibility_timeout_seconds = %d # %s", inSeconds(set.VisibilityTimeout), visibility)
	w.linef("message_retention_seconds = %d", inSeconds(set.Retention))
	w.linef("receive_wait_time_seconds = %d # long polls, also of other programs", inSeconds(set.WaitTime))
	w.common(q)
	w.linef("redrive_policy = jsonencode({")
	w.linef("deadLetterTargetArn = aws_sqs_queue.%s_dlq.arn", id)
	w.linef("maxReceiveCount = %d # receives that crashes and deployments cut off count too", set.MaxReceiveCount)
	w.linef("})")
	w.end()

	w.resource("Its dead letters. On a standard queue the time on the first queue counts, so they are kept longer.",
		"aws_sqs_queue", id+"_dlq")
	w.linef("name = %s", quote(q.deadLetters))
	w.linef("message_retention_seconds = %d # the most there is", inSeconds(set.DeadLetterRetention))
	w.common(q)
	w.end()

	w.resource("Only that queue sends dead letters there.", "aws_sqs_queue_redrive_allow_policy", id)
	w.linef("queue_url = aws_sqs_queue.%s_dlq.id", id)
	w.linef(`redrive_allow_policy = jsonencode({
redrivePermission = "byQueue"
sourceQueueArns = [aws_sqs_queue.%s.arn]
})`, id)
	w.end()
}

// common is what a queue and its dead-letter queue share.
func (w *terraform) common(q *queue) {
	w.linef("max_message_size = %d", q.settings.MaximumMessageSize)
	w.linef("sqs_managed_sse_enabled = true")
	if q.app.FIFO {
		w.linef("fifo_queue = true")
		w.linef("content_based_deduplication = true")
	}
	w.tags()
}

func (w *terraform) topic(q *queue) {
	if !q.app.Topics {
		return
	}
	id := q.id()
	w.resource("The topic of "+q.name+".", "aws_sns_topic", id)
	w.linef("name = %s", quote(topicName(q)))
	if q.app.FIFO {
		w.linef("fifo_topic = true\ncontent_based_deduplication = true")
	}
	w.tags()
	w.end()
	w.resource("Raw, so that headers arrive as attributes.", "aws_sns_topic_subscription", id)
	w.linef(`topic_arn = aws_sns_topic.%[1]s.arn
protocol = "sqs"
endpoint = aws_sqs_queue.%[1]s.arn
raw_message_delivery = true
redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.%[1]s_dlq.arn })`, id)
	w.end()
	for _, target := range []string{id, id + "_dlq"} {
		w.resource("The topic, and nothing else of SNS, sends there.", "aws_sqs_queue_policy", target)
		w.linef(`queue_url = aws_sqs_queue.%s.id
policy = jsonencode({
Version = "2012-10-17"
Statement = [{
Sid = "TaskhawkTopic"
Effect = "Allow"
Principal = { Service = "sns.amazonaws.com" }
Action = "sqs:SendMessage"
Resource = aws_sqs_queue.%s.arn
Condition = { ArnEquals = { "aws:SourceArn" = aws_sns_topic.%s.arn } }
}]
})`, target, target, id)
		w.end()
	}
}

func (w *terraform) mapping(q *queue) {
	f := q.app.Function
	if f == nil {
		return
	}
	w.resource("Feeds "+q.name+" to the function.", "aws_lambda_event_source_mapping", q.id())
	w.linef("event_source_arn = aws_sqs_queue.%s.arn", q.id())
	w.linef("function_name = %s", quote(f.Name))
	w.linef("batch_size = %d", f.BatchSize)
	if f.Window > 0 {
		w.linef("maximum_batching_window_in_seconds = %d", f.Window)
	}
	w.linef(`function_response_types = ["ReportBatchItemFailures"] # with PartialBatch of lambdax.SQSConfig`)
	if f.MaximumConcurrency > 0 {
		w.linef("scaling_config {\nmaximum_concurrency = %d\n}", f.MaximumConcurrency)
	}
	w.end()
}

// alarm is what the alarms of a queue differ in.
type alarm struct {
	suffix, comment, queue, metric string
	threshold                      int
}

func (q *queue) alarmsOf() []alarm {
	return []alarm{
		{"oldest", "Tasks wait too long.", q.name, "ApproximateAgeOfOldestMessage", q.oldest},
		{"backlog", "More tasks come than are done.", q.name, "ApproximateNumberOfMessagesVisible", q.backlog},
		{"dead_letters", "A task has failed for good.", q.deadLetters, "ApproximateNumberOfMessagesVisible", 1},
	}
}

func (w *terraform) alarms(q *queue) {
	for _, a := range q.alarmsOf() {
		w.resource(a.comment, "aws_cloudwatch_metric_alarm", q.id()+"_"+a.suffix)
		w.linef("alarm_name = %s", quote(a.queue+" "+strings.ReplaceAll(a.suffix, "_", " ")))
		w.linef("alarm_description = %s", quote(a.comment))
		w.linef(`namespace = "AWS/SQS"
metric_name = %s
dimensions = { QueueName = %s }
statistic = "Maximum"
period = 60
evaluation_periods = 1
comparison_operator = "GreaterThanOrEqualToThreshold"
threshold = %d
treat_missing_data = "notBreaching"`, quote(a.metric), quote(a.queue), a.threshold)
		if w.AlarmTopic != "" {
			w.linef("alarm_actions = [%s]", quote(w.AlarmTopic))
		}
		w.tags()
		w.end()
	}
}

func (w *terraform) policies(app *App) error {
	policies, err := w.programPolicies(app)
	if err != nil {
		return err
	}
	for _, p := range policies {
		w.resource("The least that the role "+p.role+" needs: attach it to the role of the program.",
			"aws_iam_policy", identifier(app.Name, p.role))
		w.linef("name = %s", quote("taskhawk-"+app.Name+"-"+p.role))
		w.linef("policy = <<-EOT\n%s\nEOT", p.text)
		w.tags()
		w.end()
	}
	return nil
}

func (w *terraform) schedules(app *App) error {
	if len(app.Schedules) == 0 {
		return nil
	}
	policy, err := w.policy(app, sqscheck.RoleSchedule)
	if err != nil {
		return err
	}
	id := identifier(app.Name, "schedules")
	w.resource("Firings that could not be sent.", "aws_sqs_queue", id+"_dlq")
	w.linef("name = %s", quote(scheduleQueue(app.Name)))
	w.linef("message_retention_seconds = 1209600\nsqs_managed_sse_enabled = true")
	w.tags()
	w.end()
	w.resource("What EventBridge Scheduler sends with.", "aws_iam_role", id)
	w.linef(`name = %s
assume_role_policy = jsonencode({
Version = "2012-10-17"
Statement = [{
Effect = "Allow"
Principal = { Service = "scheduler.amazonaws.com" }
Action = "sts:AssumeRole"
Condition = { StringEquals = { "aws:SourceAccount" = %s } }
}]
})`, quote(app.Name+"-schedules"), quote(w.Account))
	w.tags()
	w.end()
	w.resource("It sends to the queues of the application.", "aws_iam_role_policy", id)
	w.linef("name = \"send\"\nrole = aws_iam_role.%s.id", id)
	w.linef("policy = <<-EOT\n%s\nEOT", policy)
	w.end()
	for i := range app.Schedules {
		if err := w.schedule(app, &app.Schedules[i], id); err != nil {
			return err
		}
	}
	return nil
}

func (w *terraform) schedule(app *App, sch *Schedule, role string) error {
	input, err := w.input(app, sch)
	if err != nil {
		return err
	}
	w.resource("Dispatches "+oneLine(sch.Task)+". jsonencode would escape the '<' that the service looks for.",
		"aws_scheduler_schedule", identifier(app.Name, sch.Name))
	w.linef(`name = %s
schedule_expression = %s
schedule_expression_timezone = %s
flexible_time_window {
mode = "OFF"
}
target {
arn = %s
role_arn = aws_iam_role.%s.arn
input = %s
dead_letter_config {
arn = aws_sqs_queue.%s_dlq.arn
}
retry_policy {
maximum_event_age_in_seconds = 86400
maximum_retry_attempts = 185
}
}`, quote(app.Name+"-"+sch.Name), quote(sch.Expression), quote(cmp.Or(sch.Zone, "UTC")),
		quote(w.universalTarget()), role, quote(input), role)
	w.end()
	return nil
}

// oneLine keeps a comment on its line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func (w *terraform) dashboard(app *App) {
	w.resource("Waiting, oldest and dead letters of all priorities.", "aws_cloudwatch_dashboard", identifier(app.Name))
	w.linef("dashboard_name = %s", quote("taskhawk-"+app.Name))
	w.linef("dashboard_body = <<-EOT\n%s\nEOT", w.dashboardBody(app))
	w.end()
}

func (s *stack) dashboardBody(app *App) string {
	var widgets []any
	add := func(title, metric string, name func(*queue) string) {
		var metrics []any
		for _, q := range s.queues[app.Name] {
			metrics = append(metrics, []string{"AWS/SQS", metric, "QueueName", name(&q)})
		}
		widgets = append(widgets, map[string]any{
			"type": "metric", "width": 8, "height": 6, "x": 8 * len(widgets), "y": 0,
			"properties": map[string]any{
				"title": title, "region": s.Region, "stat": "Maximum", "period": 60, "metrics": metrics,
			},
		})
	}
	own := func(q *queue) string { return q.name }
	add("Tasks waiting", "ApproximateNumberOfMessagesVisible", own)
	add("Oldest task, seconds", "ApproximateAgeOfOldestMessage", own)
	add("Dead letters", "ApproximateNumberOfMessagesVisible", func(q *queue) string { return q.deadLetters })
	text, err := json.MarshalIndent(map[string]any{"widgets": widgets}, "", "  ")
	if err != nil {
		return "{}" // maps of texts and numbers always encode
	}
	return string(text)
}
