package sqstest

import (
	"maps"
	"slices"
	"strconv"
)

// The size of a message, in bytes: 256 KiB, and up to 1 MiB where the topic's
// attribute MaximumMessageSize says so.
const (
	defaultTopicBytes = 256 << 10
	maxTopicBytes     = 1 << 20
)

// maxLargeSubscriptions is how many subscriptions a topic may have whose
// messages may be larger than 256 KiB.
const maxLargeSubscriptions = 100

// set checks attributes and sets them; an empty value takes one away. On an
// error the topic is as it was.
func (t *topic) set(attributes map[string]string) error {
	settings := map[string]string{}
	maps.Copy(settings, t.settings)
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if err := t.checkAttribute(name, attributes[name]); err != nil {
			return err
		}
		settings[name] = attributes[name]
	}
	t.settings = settings
	return nil
}

func (t *topic) checkAttribute(name, value string) error {
	valid := true
	switch name {
	case "MaximumMessageSize":
		n, err := strconv.Atoi(value)
		valid = err == nil && n >= 1024 && n <= maxTopicBytes
		if n > defaultTopicBytes && len(t.subscriptions) > maxLargeSubscriptions {
			return errSNSParameter(name, "Topic has more than 100 subscriptions")
		}
	case "FifoTopic":
		valid = (value == "true") == t.fifo && isBool(value)
	case "ContentBasedDeduplication":
		valid = t.fifo && isBool(value)
	case "FifoThroughputScope":
		valid = t.fifo && (value == "Topic" || value == "MessageGroup")
	case "SignatureVersion":
		valid = value == "1" || value == "2"
	case "TracingConfig":
		valid = value == "PassThrough" || value == "Active" && !t.fifo
	case "DisplayName":
		valid = len([]rune(value)) <= 100
	case "Policy", "DeliveryPolicy":
		valid = value == "" || isJSONObject(value)
	case "KmsMasterKeyId":
	default:
		return errSNSParameter("Attributes", "Unknown attribute "+name)
	}
	if !valid {
		return errSNS("Attributes Reason: Invalid value for the attribute %s of this topic", name)
	}
	return nil
}

func isBool(text string) bool { return text == "true" || text == "false" }

type getTopicAttributesInput struct{ topicRef }

// getTopicAttributes gives what was set, the counts, and what belongs to every
// topic.
func (a *account) getTopicAttributes(_ *call, in *getTopicAttributesInput) (*attributesOutput, error) {
	t, err := a.topic(in.TopicArn)
	if err != nil {
		return nil, err
	}
	all := map[string]string{
		"TopicArn": t.arn, "Owner": accountID, "DisplayName": "",
		"SubscriptionsConfirmed": strconv.Itoa(len(t.subscriptions)), "SubscriptionsPending": "0",
		"SubscriptionsDeleted": strconv.Itoa(t.deleted),
	}
	if t.fifo {
		all["ContentBasedDeduplication"], all["FifoThroughputScope"] = "false", "Topic"
	}
	maps.Copy(all, t.settings)
	return &attributesOutput{Attributes: newXMLMap(all)}, nil
}

type setTopicAttributesInput struct {
	topicRef
	AttributeName  string `sqs:"required"`
	AttributeValue string
}

func (a *account) setTopicAttributes(_ *call, in *setTopicAttributesInput) (*empty, error) {
	t, err := a.topic(in.TopicArn)
	if err != nil {
		return nil, err
	}
	if in.AttributeName == "FifoTopic" {
		return nil, errSNS("AttributeName")
	}
	return &empty{}, t.set(map[string]string{in.AttributeName: in.AttributeValue})
}
