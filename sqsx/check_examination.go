package sqsx

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/taskhawk/taskhawk-go/internal/attempts"
)

// examination collects the findings of one Check.
type examination struct {
	api      CheckAPI
	config   CheckConfig
	findings []Finding
}

// pair is a queue with its dead-letter queue.
type pair struct {
	name, deadLetters string
	// own and dead are their attributes, nil for one that could not be looked at.
	own, dead attributes
	mappings  []EventSourceMapping
}

func (e *examination) add(severity Severity, code, queue, problem, advice string) {
	e.findings = append(e.findings, Finding{Severity: severity, Code: code, Queue: queue, Problem: problem, Advice: advice})
}

// examine looks at a queue and at its dead-letter queue. The error is that of calls that failed.
func (e *examination) examine(ctx context.Context, name string) error {
	p := pair{name: name, deadLetters: DeadLetterQueueName(name)}
	var err error
	if p.own, err = e.look(ctx, p.name); err != nil {
		return err
	}
	if p.own != nil {
		if err := e.readMappings(ctx, &p); err != nil {
			return err
		}
		e.examineQueue(&p)
		e.examineRedrivePolicy(&p)
	}
	if p.dead, err = e.look(ctx, p.deadLetters); err != nil {
		return err
	}
	if p.dead != nil {
		e.examineDeadLetters(&p)
	}
	if p.own != nil && p.dead != nil {
		e.examinePair(&p)
	}
	return nil
}

// look returns the attributes of a queue, or nil and a finding.
func (e *examination) look(ctx context.Context, name string) (attributes, error) {
	url, err := lookUp(ctx, e.api, "", name)
	if isMissing(err) {
		return nil, e.missing(ctx, name)
	}
	if err != nil {
		return nil, e.denied(err, name, "sqs:GetQueueUrl")
	}
	found, err := getAttributes(ctx, e.api, name, url, types.QueueAttributeNameAll)
	if err != nil {
		return nil, e.denied(err, name, "sqs:GetQueueAttributes")
	}
	return found, nil
}

// missing tells a queue that is not there from one of the other type.
func (e *examination) missing(ctx context.Context, name string) error {
	other, fifo := strings.CutSuffix(name, fifoSuffix)
	if !fifo {
		other += fifoSuffix
	}
	if len(other) <= maxQueueName {
		if _, err := lookUp(ctx, e.api, "", other); err == nil {
			e.add(SeverityError, CodeQueueType, name, "does not exist, but "+other+" does: the code and the queue are of different types",
				"give publishers, workers and this check a Naming that returns the name of the queue that is meant")
			return nil
		} else if !isMissing(err) && !isDenied(err) {
			return err
		}
	}
	e.add(SeverityError, CodeQueueMissing, name, "does not exist in this account and region, or the caller lacks sqs:GetQueueUrl on it",
		"create it, for example with sqsx.Provision")
	return nil
}

// denied makes a finding of an error about permissions, and returns any other.
func (e *examination) denied(err error, name, permission string) error {
	if !isDenied(err) {
		return err
	}
	e.add(SeverityWarning, CodeAccessDenied, name, "cannot be checked: the caller has no permission for "+permission,
		"allow it; sqsx.Policy writes the policy for "+string(RoleCheck))
	return nil
}

func isDenied(err error) bool {
	answer, ok := errors.AsType[smithy.APIError](err)
	return ok && (answer.ErrorCode() == "AccessDenied" || answer.ErrorCode() == "AccessDeniedException")
}

// examineCode looks at what is wrong whatever the queues are.
func (e *examination) examineCode() {
	const shortest = attempts.CallTimeout
	if v := e.config.Worker.VisibilityTimeout; e.config.LambdaTimeout == 0 && v < shortest {
		e.add(SeverityWarning, CodeVisibility, "", fmt.Sprintf(
			"WorkerConfig.VisibilityTimeout is %s: a heartbeat that is as late loses the lease, and the task runs twice", v),
			fmt.Sprintf("set it to %s or more, the time that one call may take", shortest))
	}
	switch longest := e.config.LongestTask; {
	case longest > MaxVisibility:
		e.add(SeverityError, CodeTaskTime, "", fmt.Sprintf(
			"a task may take %s: SQS keeps a message from others for %s at most, then the task runs again", longest, MaxVisibility),
			"split the task, or give it a timeout with taskhawk.WithTimeout")
	case e.config.LambdaTimeout > 0 && longest >= e.config.LambdaTimeout:
		e.add(SeverityError, CodeTaskTime, "", fmt.Sprintf(
			"a task may take %s, the Lambda function is stopped after %s", longest, e.config.LambdaTimeout),
			"raise the timeout of the function, up to 15 minutes, or run such tasks on a worker")
	}
}
