package sqstest

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

const topicPrefix = "arn:aws:sns:" + region + ":" + accountID + ":"

// topic is one topic. The account's lock guards it.
type topic struct {
	name string
	arn  string
	fifo bool

	settings      map[string]string // as they were set
	subscriptions []*subscription   // oldest first
	deleted       int               // subscriptions
	deduplication deduplication[publication]
}

// maxBytes is the size of a message, and of a batch of them.
func (t *topic) maxBytes() int {
	if text := t.settings["MaximumMessageSize"]; text != "" {
		n, _ := strconv.Atoi(text) // checked when it was set
		return n
	}
	return defaultTopicBytes
}

// topic finds a topic by its ARN.
func (a *account) topic(arn string) (*topic, error) {
	if len(strings.Split(arn, ":")) != 6 || !strings.HasPrefix(arn, "arn:aws:sns:") {
		return nil, errSNS("TopicArn")
	}
	name, ours := strings.CutPrefix(arn, topicPrefix)
	if t := a.topics[name]; ours && t != nil {
		return t, nil
	}
	return nil, errTopicNotFound()
}

type createTopicInput struct {
	Name       string `sqs:"required"`
	Attributes map[string]string
	Tags       []topicTag
}

type topicTag struct {
	Key   string `sqs:"required"`
	Value string `sqs:"required"`
}

type topicOutput struct {
	TopicArn string
}

func (in *createTopicInput) topicARN() string { return topicPrefix + in.Name }

// createTopic makes a topic, or finds the one that is there and has the same
// attributes.
func (a *account) createTopic(_ *call, in *createTopicInput) (*topicOutput, error) {
	t := &topic{name: in.Name, arn: topicPrefix + in.Name, fifo: strings.HasSuffix(in.Name, fifoSuffix)}
	if err := in.check(t); err != nil {
		return nil, err
	}
	if err := t.set(in.Attributes); err != nil {
		return nil, err
	}
	existing := a.topics[t.name]
	if existing == nil {
		a.topics[t.name] = t
		return &topicOutput{TopicArn: t.arn}, nil
	}
	for name := range in.Attributes {
		if existing.settings[name] != t.settings[name] {
			return nil, errSNSParameter("Attributes", "Topic already exists with different attributes")
		}
	}
	return &topicOutput{TopicArn: existing.arn}, nil
}

func (in *createTopicInput) check(t *topic) error {
	name := strings.TrimSuffix(in.Name, fifoSuffix)
	if name == "" || len(in.Name) > 256 || strings.ContainsFunc(name, func(r rune) bool { return !isWordCharacter(r) }) {
		return errSNS("Topic Name")
	}
	if t.fifo != (in.Attributes["FifoTopic"] == "true") {
		return errSNS("Topic Name: a FIFO topic has the attribute FifoTopic=true and a name that ends with .fifo, no other has")
	}
	tags := map[string]string{}
	for _, tag := range in.Tags {
		if _, twice := tags[tag.Key]; twice {
			return errSNSParameter("Tags", "Duplicated keys are not allowed.")
		}
		tags[tag.Key] = tag.Value
	}
	return asSNS(checkTags(tags), "InvalidParameter")
}

type deleteTopicInput struct{ topicRef }

// deleteTopic succeeds for a topic that is not there.
func (a *account) deleteTopic(_ *call, in *deleteTopicInput) (*empty, error) {
	t, err := a.topic(in.TopicArn)
	if err == nil {
		delete(a.topics, t.name)
		return &empty{}, nil
	}
	if asAPIError(err).code == "NotFound" {
		return &empty{}, nil
	}
	return nil, err
}

type listTopicsInput struct{ NextToken *string }

type listTopicsOutput struct {
	Topics    []topicRef `xml:"Topics>member"`
	NextToken string     `xml:",omitempty"`
}

// listTopics gives a hundred topics at a time, in the order of their names.
func (a *account) listTopics(_ *call, in *listTopicsInput) (*listTopicsOutput, error) {
	names, token, err := page(slices.Sorted(maps.Keys(a.topics)), in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &listTopicsOutput{NextToken: token}
	for _, name := range names {
		out.Topics = append(out.Topics, topicRef{TopicArn: topicPrefix + name})
	}
	return out, nil
}
