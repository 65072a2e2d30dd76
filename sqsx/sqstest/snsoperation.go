package sqstest

import (
	"maps"
	"slices"
	"strings"
)

// The operations of SNS.
const (
	OpCreateTopic               = "CreateTopic"
	OpDeleteTopic               = "DeleteTopic"
	OpGetSubscriptionAttributes = "GetSubscriptionAttributes"
	OpGetTopicAttributes        = "GetTopicAttributes"
	OpListSubscriptionsByTopic  = "ListSubscriptionsByTopic"
	OpListTopics                = "ListTopics"
	OpPublish                   = "Publish"
	OpPublishBatch              = "PublishBatch"
	OpSetSubscriptionAttributes = "SetSubscriptionAttributes"
	OpSetTopicAttributes        = "SetTopicAttributes"
	OpSubscribe                 = "Subscribe"
	OpUnsubscribe               = "Unsubscribe"
)

func topicOperation(name string) operation {
	switch name {
	case OpPublish:
		return unlocked((*account).publishOne)
	case OpPublishBatch:
		return unlocked((*account).publishBatch)
	case OpCreateTopic:
		return locked((*account).createTopic)
	case OpDeleteTopic:
		return locked((*account).deleteTopic)
	case OpListTopics:
		return locked((*account).listTopics)
	case OpGetTopicAttributes:
		return locked((*account).getTopicAttributes)
	case OpSetTopicAttributes:
		return locked((*account).setTopicAttributes)
	}
	return nil
}

func subscriptionOperation(name string) operation {
	switch name {
	case OpSubscribe:
		return locked((*account).subscribe)
	case OpUnsubscribe:
		return locked((*account).unsubscribe)
	case OpListSubscriptionsByTopic:
		return locked((*account).listSubscriptionsByTopic)
	case OpGetSubscriptionAttributes:
		return locked((*account).getSubscriptionAttributes)
	case OpSetSubscriptionAttributes:
		return locked((*account).setSubscriptionAttributes)
	}
	return nil
}

// topicTarget is the name of the topic an input is about, "" when it has none.
func topicTarget(in any) string {
	t, ok := in.(interface{ topicARN() string })
	if !ok {
		return ""
	}
	name, _ := strings.CutPrefix(t.topicARN(), topicPrefix)
	name, _, _ = strings.Cut(name, ":") // of a subscription: the topic's ARN and an id
	return name
}

// topicRef is the part of an input that says which topic is meant.
type topicRef struct {
	TopicArn string `sqs:"required"`
}

func (r topicRef) topicARN() string { return r.TopicArn }

// subscriptionRef is the part of an input that says which subscription is meant.
type subscriptionRef struct {
	SubscriptionArn string `sqs:"required"`
}

func (r subscriptionRef) topicARN() string { return r.SubscriptionArn }

// newXMLMap puts a map in the order of its keys.
func newXMLMap(m map[string]string) xmlMap {
	out := xmlMap{}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		out.Entries = append(out.Entries, xmlEntry{Key: key, Value: m[key]})
	}
	return out
}

// attributesOutput is the answer of the operations that get attributes.
type attributesOutput struct {
	Attributes xmlMap
}

// page cuts one page of a hundred out of a sorted list.
func page(all []string, token *string) (items []string, next string, err error) {
	size := 100
	items, next, err = pageRequest{MaxResults: &size, NextToken: token}.page(all)
	return items, next, asSNS(err, "InvalidParameter")
}
