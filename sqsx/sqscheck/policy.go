package sqscheck

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/taskhawk/taskhawk-go/internal/partition"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// PolicyConfig configures [Policy]: the roles, and where the queues are.
type PolicyConfig struct {
	// Roles are the roles of the program, at least one.
	Roles []Role
	// Region is the region of the queues, such as "us-east-1".
	Region string
	// Account is the number of the account of the queues, 12 digits.
	Account string
	// Partition is "aws", "aws-cn", "aws-us-gov" and so on. Default: the region's.
	Partition string
	// KeyARN is the ARN of the customer-managed KMS key that encrypts the queues.
	// Default: none, as with SSE-SQS.
	KeyARN string
	// FiringsARN is the ARN of the queue for firings that could not be sent:
	// DeadLetterARN of package sqsx/schedule. Only RoleSchedule sends there. Default:
	// none.
	FiringsARN string
	// Priorities are the priorities that the program uses. Default: all four.
	Priorities []taskhawk.Priority
	// Naming returns the names of the queues. Default: sqsx.QueueName.
	Naming sqsx.Naming
}

// Policy returns the least IAM policy that a program needs for the queues of an
// application, as indented JSON: the actions that this package calls for its roles, on
// the queues by name. It makes no call.
func Policy(app string, config PolicyConfig) (string, error) {
	names, err := config.check(app)
	if err != nil {
		return "", fmt.Errorf("sqscheck: policy: %w", err)
	}
	policy := iamPolicy{Version: "2012-10-17"}
	for _, g := range grants() {
		if slices.Contains(config.Roles, g.role) {
			policy.Statement = append(policy.Statement, config.statements(g, names)...)
		}
	}
	text, err := json.MarshalIndent(policy, "", "  ")
	if err != nil {
		return "", fmt.Errorf("sqscheck: policy: %w", err)
	}
	return string(text), nil
}

// iamPolicy is a policy document of IAM.
type iamPolicy struct {
	Version   string         `json:"Version"`
	Statement []iamStatement `json:"Statement"`
}

type iamStatement struct {
	Sid      string   `json:"Sid"`
	Effect   string   `json:"Effect"`
	Action   []string `json:"Action"`
	Resource []string `json:"Resource"`
}

// check returns the names of the queues.
func (c *PolicyConfig) check(app string) ([]string, error) {
	switch {
	case len(c.Roles) == 0:
		return nil, errors.New("no Roles")
	case !regexp.MustCompile(`^\d{12}$`).MatchString(c.Account):
		return nil, fmt.Errorf("account %q is not 12 digits", c.Account)
	case !partition.IsRegion(c.Region):
		return nil, fmt.Errorf("region %q is not a name such as us-east-1", c.Region)
	case c.Partition != "" && !regexp.MustCompile(`^aws(-[a-z]+)*$`).MatchString(c.Partition):
		return nil, fmt.Errorf("partition %q is not a name such as aws-cn", c.Partition)
	case c.KeyARN != "" && !regexp.MustCompile(`^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/[\w-]+$`).MatchString(c.KeyARN):
		return nil, fmt.Errorf("KeyARN %q is not the ARN of a KMS key (policies take no alias)", c.KeyARN)
	}
	standardQueue := regexp.MustCompile(`^arn:[a-z-]+:sqs:[a-z0-9-]+:\d{12}:[\w-]+$`)
	if c.FiringsARN != "" && !standardQueue.MatchString(c.FiringsARN) {
		return nil, fmt.Errorf("FiringsARN %q is not the ARN of a standard queue", c.FiringsARN)
	}
	for _, role := range c.Roles {
		if !slices.Contains(Roles(), role) {
			return nil, fmt.Errorf("unknown role %q: want one of %q", role, Roles())
		}
	}
	return queueNames(app, c.Priorities, c.Naming)
}

func (c *PolicyConfig) statements(g grant, queues []string) []iamStatement {
	var statements []iamStatement
	add := func(sid string, actions, resources []string) {
		if len(actions) > 0 && len(resources) > 0 {
			statements = append(
				statements,
				iamStatement{Sid: sid, Effect: "Allow", Action: actions, Resource: resources},
			)
		}
	}
	var own, deadLetters, key []string
	for _, name := range queues {
		own, deadLetters = append(own, c.arn(name)), append(deadLetters, c.arn(sqsx.DeadLetterQueueName(name)))
	}
	if c.KeyARN != "" {
		key = []string{c.KeyARN}
	}
	add(g.sid+"Queues", actions(g.queues), own)
	add(g.sid+"DeadLetters", actions(g.deadLetters), deadLetters)
	if c.FiringsARN != "" {
		add(g.sid+"Firings", actions(g.firings), []string{c.FiringsARN})
	}
	add(g.sid+"Key", g.key, key)
	return statements
}

func (c *PolicyConfig) arn(queue string) string {
	name := cmp.Or(c.Partition, partition.Of(c.Region))
	return strings.Join([]string{"arn", name, "sqs", c.Region, c.Account, queue}, ":")
}

// Role is what a program does with the queues of an application, which decides its
// permissions. See [Policy].
type Role string

// The roles.
const (
	// RolePublisher dispatches tasks: sqsx.NewPublisher.
	RolePublisher Role = "publisher"
	// RoleWorker runs them: sqsx.NewWorker. One whose handlers dispatch is a publisher
	// too.
	RoleWorker Role = "worker"
	// RoleFunction is a Lambda function that an event source mapping feeds from the
	// queues, with a sqsx.Settler; its mapping receives in the function's name.
	RoleFunction Role = "function"
	// RoleRedrive moves dead letters back: sqsx.Redrive.
	RoleRedrive Role = "redrive"
	// RoleProvision creates the queues: sqsx.Provision.
	RoleProvision Role = "provision"
	// RoleCheck compares the queues with the code: [Check].
	RoleCheck Role = "check"
	// RoleSchedule is the role that EventBridge Scheduler takes on to send the tasks of
	// package sqsx/schedule: its RoleARN. The role trusts scheduler.amazonaws.com.
	RoleSchedule Role = "schedule"
)

// Roles returns all roles. The slice is the caller's.
func Roles() []Role {
	return []Role{RolePublisher, RoleWorker, RoleFunction, RoleRedrive, RoleProvision, RoleCheck, RoleSchedule}
}

// grant has the operations that a role may call on the queues of an application and on
// their dead-letter queues.
type grant struct {
	role        Role
	sid         string   // of the statements, without the queue
	queues      []string // operations of SQS
	deadLetters []string
	firings     []string // operations on the queue of PolicyConfig.FiringsARN
	key         []string // actions on the KMS key of the queues
}

// grants returns the table behind the policies. A test compares it with the calls of each
// role.
//
// A move task acts for the identity that starts it, which so needs the permissions to
// receive, delete and send as well. Source: "Configuring a dead-letter queue redrive",
// Amazon SQS Developer Guide. Sending to an encrypted queue needs a data key and, to
// check it, to decrypt; receiving decrypts. Source: "Amazon SQS key management". An event
// source mapping looks at the attributes of its queue. Source: "Using Lambda with Amazon
// SQS", AWS Lambda Developer Guide.
func grants() []grant {
	consume := []string{
		"GetQueueUrl", "GetQueueAttributes", "ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch",
	}
	return []grant{
		{
			role: RolePublisher, sid: "TaskhawkPublisher",
			queues: []string{"GetQueueUrl", "SendMessageBatch"},
			key:    []string{"kms:GenerateDataKey", "kms:Decrypt"},
		},
		{
			role: RoleWorker, sid: "TaskhawkWorker",
			queues:      consume,
			deadLetters: []string{"GetQueueUrl", "SendMessageBatch"},
			key:         []string{"kms:GenerateDataKey", "kms:Decrypt"},
		},
		{
			role: RoleFunction, sid: "TaskhawkFunction",
			queues:      consume,
			deadLetters: []string{"GetQueueUrl", "SendMessageBatch"},
			key:         []string{"kms:GenerateDataKey", "kms:Decrypt"},
		},
		{
			role: RoleRedrive, sid: "TaskhawkRedrive",
			queues: []string{"GetQueueUrl", "SendMessageBatch"},
			deadLetters: []string{
				"GetQueueUrl",
				"GetQueueAttributes",
				"ReceiveMessage",
				"DeleteMessageBatch",
				"ChangeMessageVisibilityBatch",
				"StartMessageMoveTask",
				"ListMessageMoveTasks",
				"CancelMessageMoveTask",
			},
			key: []string{"kms:GenerateDataKey", "kms:Decrypt"},
		},
		{
			role: RoleProvision, sid: "TaskhawkProvision",
			queues:      []string{"GetQueueUrl", "CreateQueue", "TagQueue", "GetQueueAttributes", "SetQueueAttributes"},
			deadLetters: []string{"GetQueueUrl", "CreateQueue", "TagQueue", "GetQueueAttributes"},
		},
		{
			role: RoleCheck, sid: "TaskhawkCheck",
			queues:      []string{"GetQueueUrl", "GetQueueAttributes"},
			deadLetters: []string{"GetQueueUrl", "GetQueueAttributes"},
		},
		{
			role: RoleSchedule, sid: "TaskhawkSchedule",
			queues:  []string{"SendMessage"},
			firings: []string{"SendMessage"},
			key:     []string{"kms:GenerateDataKey", "kms:Decrypt"},
		},
	}
}

// actions returns the IAM actions of operations. A batch needs the action of the single
// operation.
func actions(operations []string) []string {
	names := make([]string, len(operations))
	for i, operation := range operations {
		names[i] = "sqs:" + strings.TrimSuffix(operation, "Batch")
	}
	return names
}
