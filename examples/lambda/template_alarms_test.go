package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// alarm is what an alarm watches.
type alarm struct {
	Namespace, MetricName, Statistic string
	Dimensions                       []dimension
	Period, EvaluationPeriods        int
	ComparisonOperator               string
	Threshold                        int
	TreatMissingData                 string
	AlarmDescription                 string
	AlarmActions                     []reference
}

type dimension struct {
	Name  string
	Value reference
}

// alarms judges that each queue, dead-letter queue and function has its alarms, and that
// each alarm reaches a topic.
func (f *flaws) alarms() {
	for _, name := range f.of("AWS::Serverless::Function") {
		f.watched(name, "Errors", ref(name), true)
		p := f.Resources[name].Properties
		for _, e := range p.Events {
			queue := e.Properties.Queue.logical()
			if e.Type != "SQS" {
				failed := p.EventInvokeConfig.DestinationConfig.OnFailure.Destination.logical()
				f.watched(failed, "ApproximateNumberOfMessagesVisible", queueName(failed), true)
				f.watched(name, "DestinationDeliveryFailures", ref(name), true)
				continue
			}
			f.watched(queue, "ApproximateAgeOfOldestMessage", queueName(queue), false)
			letters := f.Resources[queue].Properties.RedrivePolicy.Target.logical()
			f.watched(letters, "ApproximateNumberOfMessagesVisible", queueName(letters), true)
		}
	}
	for _, name := range f.of("AWS::CloudWatch::Alarm") {
		f.alarm(name, f.Resources[name].Properties.alarm)
	}
}

func queueName(queue string) reference { return reference{"!GetAtt", queue + ".QueueName"} }

// watched judges that an alarm is about a metric of a resource, and at the first event if
// one is too many.
func (f *flaws) watched(name, metric string, value reference, first bool) {
	for _, other := range f.of("AWS::CloudWatch::Alarm") {
		a := f.Resources[other].Properties.alarm
		if a.MetricName == metric && len(a.Dimensions) == 1 && a.Dimensions[0].Value == value {
			f.demandf(!first || a.Threshold == 1, "%s: waits for %d", other, a.Threshold)
			return
		}
	}
	f.demandf(false, "%s: no alarm for %s", name, metric)
}

func (f *flaws) alarm(name string, a alarm) {
	want := map[string][3]string{
		"ApproximateAgeOfOldestMessage":      {"AWS/SQS", "Maximum", "QueueName"},
		"ApproximateNumberOfMessagesVisible": {"AWS/SQS", "Maximum", "QueueName"},
		"Errors":                             {"AWS/Lambda", "Sum", "FunctionName"},
		"DestinationDeliveryFailures":        {"AWS/Lambda", "Sum", "FunctionName"},
	}[a.MetricName]
	ok := len(a.Dimensions) == 1 && want == [3]string{a.Namespace, a.Statistic, a.Dimensions[0].Name}
	f.demandf(ok, "%s: %s of %s, %s, is no metric of this template", name, a.Statistic, a.Namespace, a.MetricName)
	f.demandf(a.ComparisonOperator == "GreaterThanOrEqualToThreshold" && a.Threshold >= 1, "%s: would always or never sound", name)
	f.demandf(a.Period == 60 && a.EvaluationPeriods == 1, "%s: late", name)
	f.demandf(a.TreatMissingData == "notBreaching", "%s: sounds when a queue is idle", name)
	f.demandf(len(a.AlarmActions) == 1 && f.Resources[a.AlarmActions[0].of].Type == "AWS::SNS::Topic", "%s: no topic", name)
}

// globals judges what the functions share.
func (f *flaws) globals() {
	g := f.Globals.Function
	f.demandf(g.Runtime == "provided.al2023" && g.Handler == "bootstrap", "runtime %s, handler %s", g.Runtime, g.Handler)
	f.demandf(len(g.Architectures) == 1 && g.Architectures[0] == "arm64", "architectures %v", g.Architectures)
	f.demandf(g.LoggingConfig.LogFormat == "JSON", "logs are %q", g.LoggingConfig.LogFormat)
	for _, name := range f.of("AWS::Serverless::Function") {
		method := f.Resources[name].Metadata["BuildMethod"]
		f.demandf(method == "go1.x", "%s: built by %q, which takes no GOFLAGS", name, method)
	}
}

func TestBrokenAlarmsAreFound(t *testing.T) {
	t.Parallel()
	whole := readTemplate(t)
	for _, c := range []struct{ from, to, want string }{
		{"GetAtt HighQueue.QueueName", "GetAtt LowQueue.QueueName", "HighQueue: no alarm for ApproximateAgeOfOldestMessage"},
		{"GetAtt LowDeadLetters.QueueName", "GetAtt LowQueue.QueueName", "LowDeadLetters: no alarm for ApproximateNumberOfMessagesVisible"},
		{"GetAtt FailedOrders.QueueName", "GetAtt LowQueue.QueueName", "FailedOrders: no alarm for"},
		{"MetricName: Errors", "MetricName: Error", "TasksFunction: no alarm for Errors"},
		{"MetricName: DestinationDeliveryFailures", "MetricName: Throttles", "OrdersFunction: no alarm for DestinationDeliveryFailures"},
		{"Threshold: 1\n", "Threshold: 2\n", "HighDeadLettersAlarm: waits for 2"},
		{"Threshold: 60", "Threshold: 0", "HighOldestAlarm: would always or never sound"},
		{"GreaterThanOrEqualTo", "LessThan", "HighOldestAlarm: would always or never sound"},
		{"Statistic: Sum", "Statistic: Maximum", "TasksErrorsAlarm: Maximum of AWS/Lambda"},
		{"Namespace: AWS/SQS", "Namespace: SQS", "HighOldestAlarm: Maximum of SQS"},
		{"Name: QueueName", "Name: Queue", "HighOldestAlarm: Maximum of AWS/SQS"},
		{"EvaluationPeriods: 1", "EvaluationPeriods: 10", "HighOldestAlarm: late"},
		{"TreatMissingData: notBreaching", "TreatMissingData: breaching", "sounds when a queue is idle"},
		{"AlarmActions: [!Ref Alarms]", "AlarmActions: []", "HighOldestAlarm: no topic"},
		{"[arm64]", "[x86_64]", "architectures [x86_64]"},
		{"LogFormat: JSON", "LogFormat: Text", `logs are "Text"`},
		{"provided.al2023", "go1.x", "runtime go1.x"},
		{"BuildMethod: go1.x", "BuildMethod: makefile", `built by "makefile"`},
	} {
		require.Contains(t, whole, c.from)
		found := judge(parse(t, strings.Replace(whole, c.from, c.to, 1)))
		require.Contains(t, strings.Join(found, "\n"), c.want)
	}
}

// The Makefile gives SAM's compiler its flags. In SAM's place stands a script that lists
// what would be linked for each function, as SAM's builder calls go.
func TestMakefileBuildsWithoutRPCAndPaths(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	const sam = `#!/bin/sh
set -e
go env GOFLAGS CGO_ENABLED
for function in sns sqs; do (cd $function && GOOS=linux GOARCH=arm64 go list -deps .); done
`
	require.NoError(t, os.WriteFile(filepath.Join(folder, "sam"), []byte(sam), 0o700))
	command := exec.CommandContext(t.Context(), "make", "-s", "build")
	command.Env = append(os.Environ(), "PATH="+folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	output, err := command.CombinedOutput()
	require.NoError(t, err, string(output))
	lines := strings.Split(string(output), "\n")
	require.Equal(t, []string{"-tags=lambda.norpc -trimpath -ldflags=-s", "0"}, lines[:2])
	require.Contains(t, lines, "github.com/taskhawk/taskhawk-go/examples/lambda/sns")
	require.Contains(t, lines, "github.com/taskhawk/taskhawk-go/examples/lambda/sqs")
	require.NotContains(t, lines, "net/rpc")
}
