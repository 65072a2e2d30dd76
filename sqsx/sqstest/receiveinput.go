package sqstest

import (
	"slices"
	"strings"
	"time"
)

const (
	maxWaitSeconds     = 20
	maxReceiveMessages = 10
)

type receiveMessageInput struct {
	queueTarget
	AttributeNames              []string
	MaxNumberOfMessages         *int
	MessageAttributeNames       []string
	MessageSystemAttributeNames []string
	ReceiveRequestAttemptId     *string
	VisibilityTimeout           *int
	WaitTimeSeconds             *int
}

func (in *receiveMessageInput) check() error {
	if n := in.max(); n < 1 || n > maxReceiveMessages {
		return errParameterRange("MaxNumberOfMessages", n, "Must be between 1 and 10, if provided.")
	}
	if n := in.WaitTimeSeconds; n != nil && (*n < 0 || *n > maxWaitSeconds) {
		return errParameterRange("WaitTimeSeconds", *n, "Must be >= 0 and <= 20, if provided.")
	}
	if n := in.VisibilityTimeout; n != nil && (*n < 0 || *n > maxVisibilitySeconds) {
		return errParameterRange("VisibilityTimeout", *n, "Must be >= 0 and <= 43200, if provided.")
	}
	if err := checkToken("ReceiveRequestAttemptId", in.ReceiveRequestAttemptId); err != nil {
		return err
	}
	for _, name := range slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames) {
		if !isSystemAttributeName(name) {
			return errAttributeName(name)
		}
	}
	return in.checkMessageAttributeNames()
}

func (in *receiveMessageInput) checkMessageAttributeNames() error {
	for _, name := range in.MessageAttributeNames {
		if name == "All" || name == ".*" {
			continue
		}
		if err := checkAttributeName(strings.TrimSuffix(name, ".*")); err != nil {
			return err
		}
	}
	return nil
}

func isSystemAttributeName(name string) bool {
	switch name {
	case "All", "SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp",
		"SequenceNumber", "MessageDeduplicationId", "MessageGroupId", "AWSTraceHeader",
		"DeadLetterQueueSourceArn", "SqsManagedSseEnabled":
		return true
	}
	return false
}

func (in *receiveMessageInput) max() int {
	if in.MaxNumberOfMessages == nil {
		return 1
	}
	return *in.MaxNumberOfMessages
}

// wait is how long the poll waits: what it says, else what its queue says.
func (in *receiveMessageInput) wait(q *queue) time.Duration {
	if in.WaitTimeSeconds == nil {
		return q.settings.seconds("ReceiveMessageWaitTimeSeconds")
	}
	return time.Duration(*in.WaitTimeSeconds) * time.Second
}

func (in *receiveMessageInput) visibility(q *queue) time.Duration {
	if in.VisibilityTimeout == nil {
		return q.settings.seconds("VisibilityTimeout")
	}
	return time.Duration(*in.VisibilityTimeout) * time.Second
}

// systemAttributes keeps those that were asked for, by either member.
func (in *receiveMessageInput) systemAttributes(all map[string]string) map[string]string {
	names := slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames)
	if slices.Contains(names, "All") {
		return all
	}
	kept := map[string]string{}
	for _, name := range names {
		if value, ok := all[name]; ok {
			kept[name] = value
		}
	}
	return kept
}

// messageAttributes keeps those that were asked for by name or by prefix.
func (in *receiveMessageInput) messageAttributes(all map[string]attributeValue) map[string]attributeValue {
	kept := map[string]attributeValue{}
	for name, value := range all {
		if slices.ContainsFunc(in.MessageAttributeNames, func(pattern string) bool { return matchesName(pattern, name) }) {
			kept[name] = value
		}
	}
	return kept
}

func matchesName(pattern, name string) bool {
	if pattern == "All" || pattern == name {
		return true
	}
	prefix, ok := strings.CutSuffix(pattern, ".*")
	return ok && strings.HasPrefix(name, prefix)
}
