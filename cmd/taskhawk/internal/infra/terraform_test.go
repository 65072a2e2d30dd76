package infra_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/stretchr/testify/require"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/infra"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqscheck"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// resources are the blocks of a file, by kind and name, with their values.
type resources map[string]map[string]map[string]cty.Value

func generate(t *testing.T, name, source string) (text []byte, notes []string) {
	t.Helper()
	file, notes, err := infra.Read(name, []byte(source))
	require.NoError(t, err)
	if file.Region == "" {
		file.Region, file.Account = "us-east-1", "000000000000"
	}
	text, err = infra.Terraform(file)
	require.NoError(t, err)
	again, err := infra.Terraform(file)
	require.NoError(t, err)
	require.Equal(t, string(text), string(again))
	return text, notes
}

// parse reads a file of Terraform: it has no diagnostics, is formatted, and each
// reference is to a resource in it.
func parse(t *testing.T, text []byte) resources {
	t.Helper()
	file, diagnostics := hclsyntax.ParseConfig(text, "taskhawk.tf", hcl.InitialPos)
	require.Empty(t, diagnostics, "%s", text)
	require.Equal(t, string(hclwrite.Format(text)), string(text))
	body, ok := file.Body.(*hclsyntax.Body)
	require.True(t, ok)
	variables := map[string]map[string]cty.Value{}
	for _, block := range body.Blocks {
		if block.Type != "resource" {
			continue
		}
		kind, name := block.Labels[0], block.Labels[1]
		if variables[kind] == nil {
			variables[kind] = map[string]cty.Value{}
		}
		require.NotContains(t, variables[kind], name, "declared twice")
		arn := "arn:test:" + kind + ":" + name
		if service := map[string]string{"aws_sqs_queue": "sqs", "aws_sns_topic": "sns"}[kind]; service != "" {
			named, diagnostics := block.Body.Attributes["name"].Expr.Value(nil)
			require.Empty(t, diagnostics)
			arn = "arn:aws:" + service + ":us-east-1:000000000000:" + named.AsString()
		}
		variables[kind][name] = cty.ObjectVal(map[string]cty.Value{"arn": cty.StringVal(arn), "id": cty.StringVal(name)})
	}
	scope := &hcl.EvalContext{
		Variables: map[string]cty.Value{}, Functions: map[string]function.Function{"jsonencode": stdlib.JSONEncodeFunc},
	}
	for kind, named := range variables {
		scope.Variables[kind] = cty.ObjectVal(named)
	}
	found := resources{}
	for _, block := range body.Blocks {
		if block.Type != "resource" {
			continue
		}
		values := map[string]cty.Value{}
		evaluate(t, block.Body, "", scope, values)
		if found[block.Labels[0]] == nil {
			found[block.Labels[0]] = map[string]map[string]cty.Value{}
		}
		found[block.Labels[0]][block.Labels[1]] = values
	}
	return found
}

// evaluate fails on a reference that does not resolve.
func evaluate(t *testing.T, body *hclsyntax.Body, prefix string, scope *hcl.EvalContext, into map[string]cty.Value) {
	t.Helper()
	for name, attribute := range body.Attributes {
		value, diagnostics := attribute.Expr.Value(scope)
		require.Empty(t, diagnostics)
		into[prefix+name] = value
	}
	for _, block := range body.Blocks {
		evaluate(t, block.Body, prefix+block.Type+".", scope, into)
	}
}

// attributes are those of CreateQueue.
func attributes(t *testing.T, values map[string]cty.Value) (name string, set map[string]string) {
	t.Helper()
	names := map[string]string{
		"visibility_timeout_seconds": "VisibilityTimeout", "message_retention_seconds": "MessageRetentionPeriod",
		"receive_wait_time_seconds": "ReceiveMessageWaitTimeSeconds", "max_message_size": "MaximumMessageSize",
		"sqs_managed_sse_enabled": "SqsManagedSseEnabled", "redrive_policy": "RedrivePolicy", "fifo_queue": "FifoQueue",
		"content_based_deduplication": "ContentBasedDeduplication",
	}
	set = map[string]string{}
	for key, value := range values {
		switch {
		case key == "name":
			name = value.AsString()
		case key == "tags":
		case value.Type() == cty.Number:
			n, _ := value.AsBigFloat().Int64()
			set[names[key]] = strconv.FormatInt(n, 10)
		case value.Type() == cty.Bool:
			set[names[key]] = strconv.FormatBool(value.True())
		default:
			set[names[key]] = value.AsString()
		}
	}
	require.NotContains(t, set, "", "an attribute that is not known")
	return name, set
}

// create makes the queues of a file, dead letters first.
func create(t *testing.T, server *sqstest.Server, found resources) {
	t.Helper()
	for _, letters := range []bool{true, false} {
		for id, values := range found["aws_sqs_queue"] {
			if strings.HasSuffix(id, "_dlq") != letters {
				continue
			}
			name, set := attributes(t, values)
			_, err := server.Client().CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: set})
			require.NoError(t, err)
		}
	}
	for _, values := range found["aws_sqs_queue_redrive_allow_policy"] {
		letters, set := attributes(t, found["aws_sqs_queue"][values["queue_url"].AsString()])
		require.NotEmpty(t, set)
		url, err := server.Client().GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &letters})
		require.NoError(t, err)
		_, err = server.Client().SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{
			QueueUrl: url.QueueUrl, Attributes: map[string]string{"RedriveAllowPolicy": values["redrive_allow_policy"].AsString()},
		})
		require.NoError(t, err)
	}
}

func fifo(app string, priority taskhawk.Priority) string {
	return sqsx.QueueName(app, priority) + ".fifo"
}

func TestCheckFindsNothingInWhatIsDeclared(t *testing.T) {
	t.Parallel()
	text, notes := generate(t, "apps.hcl", workers)
	require.Empty(t, notes)
	found := parse(t, text)
	server := sqstest.NewUnstartedServer()
	t.Cleanup(server.Close)
	create(t, server, found)
	for app, config := range map[string]sqscheck.Config{
		"dev-myapp":  {},
		"dev-orders": {Worker: sqsx.WorkerConfig{Naming: fifo, Priorities: []taskhawk.Priority{taskhawk.High, taskhawk.Default}}},
		"dev-jobs":   {Worker: sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Bulk}}, LambdaTimeout: time.Minute},
	} {
		report, err := sqscheck.Check(t.Context(), server.Client(), app, config)
		require.NoError(t, err)
		require.Empty(t, report.Findings, app)
	}
	require.Len(t, found["aws_sqs_queue"], 8+1+4+2)
	mapping := found["aws_lambda_event_source_mapping"]["dev_jobs_bulk"]
	require.Equal(t, "ReportBatchItemFailures", mapping["function_response_types"].AsValueSlice()[0].AsString())
	require.Len(t, found["aws_sns_topic"], 1)
	require.True(t, found["aws_sns_topic_subscription"]["dev_jobs_bulk"]["raw_message_delivery"].True())
	require.Contains(t, found["aws_sqs_queue_policy"]["dev_jobs_bulk"]["policy"].AsString(), "arn:aws:sns:us-east-1:000000000000:taskhawk-dev-jobs-bulk")
	require.Len(t, found["aws_cloudwatch_metric_alarm"], 3*(4+2+1))
	require.Contains(t, string(text), "30 # what workers ask for")
}

func TestAnOldConfigurationGivesTheOldNames(t *testing.T) {
	t.Parallel()
	text, notes := generate(t, "old.json", old)
	require.Equal(t, []string{
		"DEV-MYAPP: queue_alarm_threshold is not carried over", "DEV-MYAPP: tags are those of the file now",
		"dev-lambda: topics now send to queues with dead letters; add a function block for the mapping",
		"dev-lambda: function_arn is not carried over",
	}, notes)
	found := parse(t, text)
	var names []string
	for _, kind := range []string{"aws_sqs_queue", "aws_sns_topic"} {
		for _, values := range found[kind] {
			names = append(names, values["name"].AsString())
		}
	}
	for _, name := range []string{
		"TASKHAWK-DEV-MYAPP", "TASKHAWK-DEV-MYAPP-HIGH-PRIORITY", "TASKHAWK-DEV-MYAPP-LOW-PRIORITY", "TASKHAWK-DEV-MYAPP-BULK",
		"TASKHAWK-DEV-MYAPP-DLQ", "TASKHAWK-DEV-MYAPP-HIGH-PRIORITY-DLQ",
		"taskhawk-dev-lambda", "taskhawk-dev-lambda-high-priority", "taskhawk-dev-lambda-low-priority", "taskhawk-dev-lambda-bulk",
	} {
		require.Contains(t, names, name)
	}
	input := found["aws_scheduler_schedule"]["dev_myapp_nightly_job"]["target.input"].AsString()
	require.Contains(t, input, `\"args\":[\"hello@automatic.com\", \"Hello!\"],\"kwargs\":{\"from_email\": \"spam@example.com\"}`)
	require.Contains(t, input, "TASKHAWK-DEV-MYAPP-HIGH-PRIORITY")
}

// What is declared is what the embedded scheduler fires and a task reads.
func TestADeclaredScheduleFires(t *testing.T) {
	t.Parallel()
	text, _ := generate(t, "apps.hcl", workers)
	declared := parse(t, text)["aws_scheduler_schedule"]["dev_myapp_daily"]
	require.Equal(t, "Europe/Berlin", declared["schedule_expression_timezone"].AsString())
	require.Equal(t, "arn:aws:sqs:us-east-1:000000000000:dev-myapp-schedules-DLQ", declared["target.dead_letter_config.arn"].AsString())
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.NewUnstartedServer()
		t.Cleanup(server.Close)
		require.NoError(t, sqsx.Provision(t.Context(), server.Client(), "dev-myapp", sqsx.ProvisionConfig{}))
		put(t, server, declared)
		time.Sleep(24 * time.Hour)
		messages := server.Queue("TASKHAWK-DEV-MYAPP").Messages
		require.Len(t, messages, 1)
		require.Equal(t, map[string]string{"taskhawk_task": "tasks.report", "k": "v"}, messages[0].Attributes)
		message, err := taskhawk.ParseMessage(messages[0].Body)
		require.NoError(t, err)
		require.Equal(t, time.Date(2000, 1, 1, 8, 0, 0, 0, time.UTC), message.Timestamp.UTC())
		type reportArgs struct{ Kind string }
		args, err := taskhawk.New[reportArgs]("tasks.report", nil).Bind(message)
		require.NoError(t, err)
		require.Equal(t, "<&>", args.Kind)
	})
}

// put creates the declared schedule on the embedded server.
func put(t *testing.T, server *sqstest.Server, declared map[string]cty.Value) {
	t.Helper()
	text := func(name string) json.RawMessage {
		encoded, err := ctyjson.Marshal(declared[name], cty.String)
		require.NoError(t, err)
		return encoded
	}
	body := fmt.Sprintf(`{"ScheduleExpression":%s,"ScheduleExpressionTimezone":%s,"FlexibleTimeWindow":{"Mode":"OFF"},`+
		`"Target":{"Arn":%s,"RoleArn":"arn:aws:iam::000000000000:role/r","Input":%s}}`,
		text("schedule_expression"), text("schedule_expression_timezone"), text("target.arn"), text("target.input"))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/schedules/daily", strings.NewReader(body))
	require.NoError(t, err)
	res, err := server.HTTPClient().Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, 200, res.StatusCode)
}

func TestTheTemplateDeclaresTheSame(t *testing.T) {
	t.Parallel()
	file, _, err := infra.Read("apps.hcl", []byte(workers))
	require.NoError(t, err)
	text, err := infra.CloudFormation(file)
	require.NoError(t, err)
	again, err := infra.CloudFormation(file)
	require.NoError(t, err)
	require.Equal(t, string(text), string(again))
	var template struct {
		Resources map[string]struct {
			Type       string
			Properties map[string]any
		}
	}
	require.NoError(t, json.Unmarshal(text, &template))
	counts := map[string]int{}
	for _, r := range template.Resources {
		counts[r.Type]++
		requireResolved(t, template.Resources, r.Properties)
	}
	terraform, _ := generate(t, "apps.hcl", workers)
	found := parse(t, terraform)
	for kind, declared := range map[string]string{
		"AWS::SQS::Queue": "aws_sqs_queue", "AWS::SNS::Topic": "aws_sns_topic", "AWS::SNS::Subscription": "aws_sns_topic_subscription",
		"AWS::CloudWatch::Alarm": "aws_cloudwatch_metric_alarm", "AWS::IAM::ManagedPolicy": "aws_iam_policy",
		"AWS::Scheduler::Schedule": "aws_scheduler_schedule", "AWS::Lambda::EventSourceMapping": "aws_lambda_event_source_mapping",
	} {
		require.Equal(t, len(found[declared]), counts[kind], kind)
	}
	target, ok := template.Resources["DevMyappDailySchedule"].Properties["Target"].(map[string]any)
	require.True(t, ok)
	require.Equal(t, found["aws_scheduler_schedule"]["dev_myapp_daily"]["target.input"].AsString(), target["Input"])
	queue := template.Resources["DevJobsBulkQueue"].Properties
	require.InDelta(t, 365, queue["VisibilityTimeout"], 0)
	require.Equal(t, "TASKHAWK-DEV-JOBS-BULK", queue["QueueName"])
}

// requireResolved fails on a Ref or Fn::GetAtt of what the template does not have.
func requireResolved[R any](t *testing.T, resources map[string]R, value any) {
	t.Helper()
	switch v := value.(type) {
	case map[string]any:
		if id, ok := v["Ref"].(string); ok {
			require.Contains(t, resources, id)
		}
		if get, ok := v["Fn::GetAtt"].([]any); ok {
			require.Contains(t, resources, get[0])
		}
		for _, inner := range v {
			requireResolved(t, resources, inner)
		}
	case []any:
		for _, inner := range v {
			requireResolved(t, resources, inner)
		}
	}
}

func TestWrongFilesAreRefused(t *testing.T) {
	t.Parallel()
	const head = "region = \"us-east-1\"\naccount = \"000000000000\"\n"
	for text, source := range map[string]string{
		"no app":               head,
		"declared twice":       head + "app \"a\" {}\napp \"a\" {}",
		"account":              "region = \"us-east-1\"\naccount = \"1\"\napp \"a\" {}",
		"unknown priority":     head + `app "a" { priorities = ["urgent"] }`,
		"named twice":          head + `app "a" { priorities = ["high", "high"] }`,
		"retention_seconds":    head + `app "a" { retention_seconds = 1209600 }`,
		"timeout_seconds":      head + "app \"a\" {\nfunction {\nname = \"f\"\ntimeout_seconds = 901\n}\n}",
		"batch_size":           head + "app \"a\" {\nfunction {\nname = \"f\"\ntimeout_seconds = 9\nbatch_size = 11\n}\n}",
		"maximum_concurrency":  head + "app \"a\" {\nfunction {\nname = \"f\"\ntimeout_seconds = 9\nmaximum_concurrency = 1\n}\n}",
		"no queue of priority": head + "app \"a\" {\npriorities = [\"high\"]\nschedule \"s\" {\nexpression = \"rate(1 day)\"\ntask = \"t\"\n}\n}",
		"group is missing":     head + "app \"a\" {\nfifo = true\nschedule \"s\" {\nexpression = \"rate(1 day)\"\ntask = \"t\"\n}\n}",
		"args does not begin":  head + "app \"a\" {\nschedule \"s\" {\nexpression = \"rate(1 day)\"\ntask = \"t\"\nargs = \"{\"\n}\n}",
		"SQS takes letters":    head + `app "a b" {}`,
	} {
		file, _, err := infra.Read("apps.hcl", []byte(source))
		require.NoError(t, err, text)
		for _, write := range []func(infra.File) ([]byte, error){infra.Terraform, infra.CloudFormation} {
			_, err = write(file)
			require.ErrorContains(t, err, text)
		}
	}
	_, _, err := infra.Read("apps.hcl", []byte("app {"))
	require.ErrorContains(t, err, "read apps.hcl: ")
	_, _, err = infra.Read("apps.hcl", []byte("app \"a\" {\nfoo = 1\nbar = 2\n}"))
	for _, text := range []string{`argument named "foo"`, `argument named "bar"`} {
		require.ErrorContains(t, err, text)
	}
	_, _, err = infra.Read("old.json", []byte(`{"queue_apps":[{}]}`))
	require.ErrorContains(t, err, "has no queue")
}
