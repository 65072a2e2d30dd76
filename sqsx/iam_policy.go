package sqsx

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// PolicyConfig says whose permissions [Policy] writes, and where the queues are.
type PolicyConfig struct {
	// Roles are what the program does. At least one.
	Roles []Role
	// Region is that of the queues, such as "us-east-1".
	Region string
	// Account is the number of the account of the queues, 12 digits.
	Account string
	// Partition is "aws", "aws-cn", "aws-us-gov" and so on. Default: that of the region, of these three.
	Partition string
	// KeyARN is the ARN of the customer-managed KMS key that encrypts the queues. Default: none, as with the encryption of SQS's own.
	KeyARN string
	// Priorities are those that the program has to do with. Default: all four.
	Priorities []taskhawk.Priority
	// Naming returns the names of the queues. Default: [QueueName].
	Naming Naming
}

// Policy returns the least IAM policy that a program needs for the queues of an application, as indented JSON: the actions that
// this package calls for its roles, on the queues by name. It makes no call.
func Policy(queue string, config PolicyConfig) (string, error) {
	names, err := config.check(queue)
	if err != nil {
		return "", fmt.Errorf("sqsx: policy: %w", err)
	}
	policy := iamPolicy{Version: "2012-10-17"}
	for _, g := range grants() {
		if slices.Contains(config.Roles, g.role) {
			policy.Statement = append(policy.Statement, config.statements(g, names)...)
		}
	}
	text, err := json.MarshalIndent(policy, "", "  ")
	if err != nil {
		return "", fmt.Errorf("sqsx: policy: %w", err)
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
func (c *PolicyConfig) check(queue string) ([]string, error) {
	switch {
	case len(c.Roles) == 0:
		return nil, errors.New("no Roles")
	case !regexp.MustCompile(`^\d{12}$`).MatchString(c.Account):
		return nil, fmt.Errorf("account %q is not 12 digits", c.Account)
	case !regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-\d$`).MatchString(c.Region):
		return nil, fmt.Errorf("region %q is not the name of one, such as us-east-1", c.Region)
	case c.Partition != "" && !regexp.MustCompile(`^aws(-[a-z]+)*$`).MatchString(c.Partition):
		return nil, fmt.Errorf("partition %q is not the name of one, such as aws-cn", c.Partition)
	case c.KeyARN != "" && !regexp.MustCompile(`^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/[\w-]+$`).MatchString(c.KeyARN):
		return nil, fmt.Errorf("KeyARN %q is not the ARN of a KMS key (policies take no alias)", c.KeyARN)
	}
	for _, role := range c.Roles {
		if !slices.Contains(Roles(), role) {
			return nil, fmt.Errorf("unknown role %q", role)
		}
	}
	names, err := c.Naming.names(queue, c.Priorities)
	return inOrder(names), err
}

func (c *PolicyConfig) statements(g grant, queues []string) []iamStatement {
	var statements []iamStatement
	add := func(sid string, actions, resources []string) {
		if len(actions) > 0 && len(resources) > 0 {
			statements = append(statements, iamStatement{Sid: sid, Effect: "Allow", Action: actions, Resource: resources})
		}
	}
	var own, deadLetters, key []string
	for _, name := range queues {
		own, deadLetters = append(own, c.arn(name)), append(deadLetters, c.arn(DeadLetterQueueName(name)))
	}
	if c.KeyARN != "" {
		key = []string{c.KeyARN}
	}
	add(g.sid+"Queues", actions(g.queues), own)
	add(g.sid+"DeadLetters", actions(g.deadLetters), deadLetters)
	add(g.sid+"Key", g.key, key)
	return statements
}

func (c *PolicyConfig) arn(queue string) string {
	return strings.Join([]string{"arn", c.partition(), "sqs", c.Region, c.Account, queue}, ":")
}

func (c *PolicyConfig) partition() string {
	switch {
	case c.Partition != "":
		return c.Partition
	case strings.HasPrefix(c.Region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(c.Region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}
