package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/taskhawk/taskhawk-go/examples/lambda/tasks"
	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqscheck"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// A reference is a text of the template, or an intrinsic function of CloudFormation with
// its argument, such as !GetAtt HighQueue.Arn.
type reference struct{ function, of string }

// UnmarshalJSON reads what plain makes of it.
func (r *reference) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, &r.of) == nil {
		return nil
	}
	var call [2]string
	if err := json.Unmarshal(text, &call); err != nil {
		return err
	}
	r.function, r.of = call[0], call[1]
	return nil
}

// plain is YAML without its tags, which are the functions: !Ref A becomes ["!Ref", "A"].
func plain(t *testing.T, node *yaml.Node) any {
	t.Helper()
	switch node.Kind {
	case yaml.DocumentNode:
		return plain(t, node.Content[0])
	case yaml.MappingNode:
		members := map[string]any{}
		for i := 0; i < len(node.Content); i += 2 {
			members[node.Content[i].Value] = plain(t, node.Content[i+1])
		}
		return members
	case yaml.SequenceNode:
		items := make([]any, len(node.Content))
		for i, item := range node.Content {
			items[i] = plain(t, item)
		}
		return items
	default: // a scalar
	}
	if strings.HasPrefix(node.Tag, "!") && !strings.HasPrefix(node.Tag, "!!") {
		return []any{node.Tag, node.Value}
	}
	var value any
	require.NoError(t, node.Decode(&value))
	return value
}

// logical is the resource that it is about.
func (r reference) logical() string {
	name, _, _ := strings.Cut(r.of, ".")
	return name
}

func arn(resource string) reference { return reference{"!GetAtt", resource + ".Arn"} }
func ref(resource string) reference { return reference{"!Ref", resource} }

// template is what the test reads of it. Nothing else may stand there: members that it
// does not know are an error.
type template struct {
	Version     string `json:"AWSTemplateFormatVersion"`
	Transform   string
	Description string
	Globals     struct{ Function globals }
	Resources   map[string]resource
}

// globals are the settings of all functions.
type globals struct {
	Runtime, Handler string
	Architectures    []string
	MemorySize       int
	LoggingConfig    struct{ LogFormat string }
}

type resource struct {
	Type       string
	Metadata   map[string]string
	Properties properties
}

// properties are those of all types of resources together.
type properties struct {
	// of queues
	QueueName              string
	VisibilityTimeout      int
	MessageRetentionPeriod int
	RedrivePolicy          struct {
		Target          reference `json:"deadLetterTargetArn"`
		MaxReceiveCount int       `json:"maxReceiveCount"`
	}
	// of topics, subscriptions and queue policies
	TopicName          string
	TopicArn           reference
	Protocol           string
	Endpoint           reference
	RawMessageDelivery bool
	Queues             []reference
	PolicyDocument     policy
	// of functions
	FunctionName      string
	CodeURI           string `json:"CodeUri"`
	Timeout           int
	Role              reference
	Environment       struct{ Variables map[string]reference }
	Events            map[string]event
	EventInvokeConfig struct {
		MaximumRetryAttempts     int
		MaximumEventAgeInSeconds int
		DestinationConfig        struct {
			OnFailure struct {
				Type        string
				Destination reference
			}
		}
	}
	// of roles and logs
	AssumeRolePolicyDocument any
	Policies                 []struct {
		PolicyName     string
		PolicyDocument policy
	}
	LogGroupName    string
	RetentionInDays int

	alarm
}

type event struct {
	Type       string
	Properties struct {
		Topic, Queue          reference
		BatchSize             int
		Window                int `json:"MaximumBatchingWindowInSeconds"`
		FunctionResponseTypes []string
		Enabled               *bool
		ScalingConfig         struct{ MaximumConcurrency int }
	}
}

type policy struct {
	Version   string
	Statement []struct {
		Sid, Effect string
		Principal   map[string]string
		Action      []string
		Resource    []reference
		Condition   map[string]map[string]reference
	}
}

func parse(t *testing.T, text string) template {
	t.Helper()
	var document yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte(text), &document))
	asJSON, err := json.Marshal(plain(t, &document))
	require.NoError(t, err)
	decoder := json.NewDecoder(bytes.NewReader(asJSON))
	decoder.DisallowUnknownFields()
	var parsed template
	require.NoError(t, decoder.Decode(&parsed))
	return parsed
}

// flaws collects what is wrong with a template.
type flaws struct {
	template

	found []string
}

func (f *flaws) demandf(holds bool, format string, args ...any) {
	if !holds {
		f.found = append(f.found, fmt.Sprintf(format, args...))
	}
}

// of are the names of the resources of a type, in order.
func (f *flaws) of(kind string) []string {
	var names []string
	for name, r := range f.Resources {
		if r.Type == kind {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// judge says what is wrong.
func judge(parsed template) []string {
	f := &flaws{template: parsed}
	for _, name := range f.of("AWS::Serverless::Function") {
		f.function(name, f.Resources[name].Properties)
	}
	for _, name := range f.of("AWS::SNS::Subscription") {
		f.subscription(name, f.Resources[name].Properties)
	}
	for _, name := range f.of("AWS::IAM::Role") {
		f.role(name, f.Resources[name].Properties)
	}
	f.names()
	f.alarms()
	f.globals()
	return f.found
}

func (f *flaws) function(name string, p properties) {
	_, err := os.Stat(p.CodeURI + "main.go")
	f.demandf(err == nil, "%s: no program in %s", name, p.CodeURI)
	f.demandf(p.Role.function == "!GetAtt" && f.Resources[p.Role.logical()].Type == "AWS::IAM::Role", "%s: no separate role", name)
	for key, e := range p.Events {
		switch e.Type {
		case "SQS":
			f.mapping(name+"."+key, p, e)
		case "SNS":
			f.demandf(f.Resources[e.Properties.Topic.logical()].Type == "AWS::SNS::Topic", "%s.%s: no topic", name, key)
			f.destination(name, p)
			f.publishes(name, p)
			f.demandf(p.Environment.Variables["ACCOUNT_ID"] == ref("AWS::AccountId"), "%s: topics would be looked up", name)
		default:
			f.demandf(false, "%s.%s: an event of type %s", name, key, e.Type)
		}
	}
}

// mapping judges an event source mapping and the queues behind it.
func (f *flaws) mapping(name string, function properties, e event) {
	p, queue := e.Properties, f.Resources[e.Properties.Queue.logical()].Properties
	f.demandf(slices.Equal(p.FunctionResponseTypes, []string{"ReportBatchItemFailures"}), "%s: no ReportBatchItemFailures", name)
	f.demandf(p.BatchSize > 0 && p.BatchSize <= 10 || p.Window > 0, "%s: batches of %d without a window", name, p.BatchSize)
	f.demandf(p.ScalingConfig.MaximumConcurrency >= 2, "%s: no maximum concurrency", name)
	f.demandf(p.Enabled == nil || *p.Enabled, "%s: disabled", name)
	f.demandf(queue.VisibilityTimeout >= 6*function.Timeout+p.Window, "%s: the queue's visibility timeout of %d s is below 6 times the function's %d s",
		name, queue.VisibilityTimeout, function.Timeout)

	f.demandf(queue.RedrivePolicy.MaxReceiveCount >= 5, "%s: a maxReceiveCount of %d", name, queue.RedrivePolicy.MaxReceiveCount)
	letters := f.Resources[queue.RedrivePolicy.Target.logical()].Properties
	f.demandf(letters.QueueName == sqsx.DeadLetterQueueName(queue.QueueName), "%s: dead letters go to %q", name, letters.QueueName)
	f.keepsLong(name+": dead letters", letters)
	f.demandf(queue.MessageRetentionPeriod < letters.MessageRetentionPeriod, "%s: dead letters are kept no longer than messages", name)
}

func (f *flaws) keepsLong(what string, queue properties) {
	const days = 24 * time.Hour
	f.demandf(queue.MessageRetentionPeriod == int(14*days/time.Second), "%s are kept for %d s, not for 14 days", what, queue.MessageRetentionPeriod)
}

// destination checks where events go that a function could not handle.
func (f *flaws) destination(name string, p properties) {
	failure := p.EventInvokeConfig.DestinationConfig.OnFailure
	queue := f.Resources[failure.Destination.logical()]
	f.demandf(failure.Type == "SQS" && queue.Type == "AWS::SQS::Queue", "%s: no on-failure destination", name)
	f.keepsLong(name+": events that failed", queue.Properties)
	f.demandf(p.EventInvokeConfig.MaximumRetryAttempts == 2, "%s: not tried again", name)
	f.demandf(f.permits(p.Role.logical(), "sqs:SendMessage", failure.Destination), "%s: its role may not send to the destination", name)
}

// subscription judges how a topic sends to a queue.
func (f *flaws) subscription(name string, p properties) {
	f.demandf(p.Protocol == "sqs" && p.Endpoint.function == "!GetAtt", "%s: no queue", name)
	f.demandf(p.RawMessageDelivery, "%s: not raw, so that headers are no attributes", name)
	topic, queue := f.Resources[p.TopicArn.logical()].Properties, f.Resources[p.Endpoint.logical()].Properties
	f.demandf(strings.EqualFold(topic.TopicName, queue.QueueName), "%s: topic %s sends to queue %s", name, topic.TopicName, queue.QueueName)
	permitted := false
	for _, policies := range f.of("AWS::SQS::QueuePolicy") {
		q := f.Resources[policies].Properties
		for _, s := range q.PolicyDocument.Statement {
			permitted = permitted || slices.Contains(q.Queues, ref(p.Endpoint.logical())) && s.Effect == "Allow" &&
				s.Principal["Service"] == "sns.amazonaws.com" && slices.Equal(s.Action, []string{"sqs:SendMessage"}) &&
				slices.Equal(s.Resource, []reference{p.Endpoint}) && s.Condition["ArnEquals"]["aws:SourceArn"] == p.TopicArn
		}
	}
	f.demandf(permitted, "%s: no policy lets the topic, and nothing else, send to the queue", name)
}

// publishes judges that a function may publish on the topics of its tasks, and on no
// other.
func (f *flaws) publishes(name string, p properties) {
	for _, task := range []taskhawk.Priority{taskhawk.High, taskhawk.Low} { // ChargeCard and SendReceipt
		for _, topic := range f.of("AWS::SNS::Topic") {
			if f.Resources[topic].Properties.TopicName == lambdax.TopicName(tasks.App, task) {
				f.demandf(f.permits(p.Role.logical(), "sns:Publish", ref(topic)), "%s: its role may not publish on %s", name, topic)
			}
		}
	}
}

// permits reports whether a role may do something.
func (f *flaws) permits(role, action string, on reference) bool {
	for _, p := range f.Resources[role].Properties.Policies {
		for _, s := range p.PolicyDocument.Statement {
			if s.Effect == "Allow" && slices.Contains(s.Action, action) && slices.Contains(s.Resource, on) {
				return true
			}
		}
	}
	return false
}

// role judges that a role may do no more than its function does.
func (f *flaws) role(name string, p properties) {
	for _, policies := range p.Policies {
		for _, s := range policies.PolicyDocument.Statement {
			for _, action := range s.Action {
				f.demandf(!strings.Contains(action, "*"), "%s: may do %s", name, action)
			}
			for _, on := range s.Resource {
				f.demandf(on.function != "" && !strings.Contains(on.of, "*"), "%s: may do %s on %s", name, s.Sid, on.of)
			}
		}
	}
}

// names judges that queues and topics have the names that the library gives them.
func (f *flaws) names() {
	known := []string{"taskhawk-dev-myapp-failed-orders"}
	for _, p := range taskhawk.Priorities() {
		name := sqsx.QueueName(tasks.App, p)
		known = append(known, name, sqsx.DeadLetterQueueName(name), lambdax.TopicName(tasks.App, p))
	}
	for name, r := range f.Resources {
		own := r.Properties.QueueName + r.Properties.TopicName
		f.demandf(own == "" || slices.Contains(known, own), "%s: nothing uses the name %s", name, own)
	}
}

func readTemplate(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("template.yaml")
	require.NoError(t, err)
	return string(text)
}

func TestTemplateKeepsTheRules(t *testing.T) {
	t.Parallel()
	parsed := parse(t, readTemplate(t))
	require.Empty(t, judge(parsed))
	require.Len(t, parsed.Resources["TasksFunction"].Properties.Events, 2)
	require.Len(t, parsed.Resources["OrdersFunction"].Properties.Events, 1)
}

// The role of the function behind the queues is what sqscheck.Policy writes.
func TestTemplateHasTheLeastPermissions(t *testing.T) {
	t.Parallel()
	text, err := sqscheck.Policy(tasks.App, sqscheck.PolicyConfig{
		Roles: []sqscheck.Role{sqscheck.RoleFunction}, Region: "us-east-1", Account: "111122223333",
		Priorities: []taskhawk.Priority{taskhawk.High, taskhawk.Low},
	})
	require.NoError(t, err)
	var least struct {
		Statement []struct {
			Sid              string
			Action, Resource []string
		}
	}
	require.NoError(t, json.Unmarshal([]byte(text), &least))
	parsed := parse(t, readTemplate(t))
	statements := parsed.Resources["TasksRole"].Properties.Policies[0].PolicyDocument.Statement
	require.Len(t, statements, len(least.Statement)+1, "and logs")
	for i, want := range least.Statement {
		require.Equal(t, want.Sid, statements[i].Sid)
		require.ElementsMatch(t, want.Action, statements[i].Action)
		var on []string
		for _, r := range statements[i].Resource {
			require.Equal(t, arn(r.logical()), r)
			on = append(on, "arn:aws:sqs:us-east-1:111122223333:"+parsed.Resources[r.logical()].Properties.QueueName)
		}
		require.ElementsMatch(t, want.Resource, on)
	}
}

// Each setting that matters, changed once, is found.
func TestBrokenTemplatesAreFound(t *testing.T) {
	t.Parallel()
	whole := readTemplate(t)
	for _, c := range []struct{ from, to, want string }{
		{"FunctionResponseTypes: [ReportBatchItemFailures] # without", "# without", "TasksFunction.High: no ReportBatchItemFailures"},
		{"BatchSize: 10", "BatchSize: 11", "batches of 11 without a window"},
		{"MaximumConcurrency: 20", "MaximumConcurrency: 1", "no maximum concurrency"},
		{"BatchSize: 10", "BatchSize: 10\n            Enabled: false", "disabled"},
		{"VisibilityTimeout: 180", "VisibilityTimeout: 179", "of 179 s is below 6 times the function's 30 s"},
		{"BatchSize: 10", "BatchSize: 100\n            MaximumBatchingWindowInSeconds: 1", "of 180 s is below"},
		{"CodeUri: sqs/\n      Timeout: 30", "CodeUri: sqs/\n      Timeout: 31", "below 6 times the function's 31 s"},
		{"maxReceiveCount: 5", "maxReceiveCount: 4", "a maxReceiveCount of 4"},
		{"GetAtt HighDeadLetters.Arn\n        max", "GetAtt LowDeadLetters.Arn\n        max", `dead letters go to "TASKHAWK-DEV-MYAPP-LOW-PRIORITY-DLQ"`},
		{"MessageRetentionPeriod: 1209600 # 14", "MessageRetentionPeriod: 345600 # 14", "kept for 345600 s, not for 14 days"},
		{"VisibilityTimeout: 180 #", "MessageRetentionPeriod: 1209600\n      VisibilityTimeout: 180 #", "kept no longer than messages"},
		{"Type: SQS\n            Destination: !GetAtt FailedOrders.Arn", "{}", "no on-failure destination"},
		{"failed-orders\n      MessageRetentionPeriod: 1209600", "failed-orders", "events that failed are kept for 0 s"},
		{"MaximumRetryAttempts: 2", "MaximumRetryAttempts: 0", "not tried again"},
		{"Resource: [!GetAtt FailedOrders.Arn]", "Resource: [!GetAtt HighQueue.Arn]", "may not send to the destination"},
		{"Resource: [!Ref HighTopic, !Ref LowTopic]", "Resource: [!Ref HighTopic]", "its role may not publish on LowTopic"},
		{"RawMessageDelivery: true", "RawMessageDelivery: false", "HighSubscription: not raw"},
		{"Endpoint: !GetAtt HighQueue.Arn", "Endpoint: !GetAtt LowQueue.Arn", "topic taskhawk-dev-myapp-high-priority sends to queue TASKHAWK-DEV-MYAPP-LOW-PRIORITY"},
		{"aws:SourceArn: !Ref HighTopic", "aws:SourceArn: !Ref LowTopic", "HighSubscription: no policy lets the topic"},
		{"Action: [sqs:GetQueueUrl, sqs:SendMessage]", `Action: ["sqs:*"]`, "TasksRole: may do sqs:*"},
		{"Resource: [!GetAtt TasksLogs.Arn]", `Resource: ["*"]`, "TasksRole: may do Logs on *"},
		{"ACCOUNT_ID:", "ACCOUNT:", "OrdersFunction: topics would be looked up"},
		{"CodeUri: sns/", "CodeUri: topics/", "no program in topics/"},
		{"Role: !GetAtt TasksRole.Arn", "Role: arn", "no separate role"},
		{"QueueName: TASKHAWK-DEV-MYAPP-LOW-PRIORITY\n", "QueueName: TASKHAWK-DEV-MYAPP-SLOW\n", "nothing uses the name TASKHAWK-DEV-MYAPP-SLOW"},
	} {
		require.Contains(t, whole, c.from)
		found := judge(parse(t, strings.Replace(whole, c.from, c.to, 1)))
		require.Contains(t, strings.Join(found, "\n"), c.want)
	}
}
