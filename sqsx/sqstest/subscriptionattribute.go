package sqstest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// set checks attributes and sets them; on an error the subscription is as it was.
func (s *subscription) set(attributes map[string]string) error {
	settings, dead := map[string]string{}, s.dead
	maps.Copy(settings, s.settings)
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		value := attributes[name]
		switch name {
		case "RawMessageDelivery":
			if !isBool(value) {
				return errSNSParameter("RawMessageDelivery", "Invalid value ["+value+"]. Must be true or false.")
			}
			if s.protocol != toQueue && value == "true" {
				return errSNS("Delivery protocol [%s] does not support raw message delivery.", s.protocol)
			}
		case "RedrivePolicy":
			target, err := s.deadLetterTarget(value)
			if err != nil {
				return err
			}
			dead = target
		case "FilterPolicy", "FilterPolicyScope", "DeliveryPolicy", "ReplayPolicy":
			return errSNS("Attributes Reason: this server does not do what the attribute %s asks for", name)
		default:
			return errSNSParameter("AttributeName", "Unknown attribute "+name)
		}
		settings[name] = value
	}
	s.settings, s.dead = settings, dead
	return nil
}

// deadLetterTarget reads a RedrivePolicy; an empty one takes it away.
func (s *subscription) deadLetterTarget(policy string) (string, error) {
	if policy == "" {
		return "", nil
	}
	var wire struct {
		DeadLetterTargetArn string `json:"deadLetterTargetArn"`
	}
	if err := json.Unmarshal([]byte(policy), &wire); err != nil || !strings.HasPrefix(wire.DeadLetterTargetArn, "arn:aws:sqs:") {
		return "", errSNS("RedrivePolicy: it is a JSON object with the ARN of a queue as deadLetterTargetArn")
	}
	if strings.HasSuffix(wire.DeadLetterTargetArn, fifoSuffix) != s.topic.fifo {
		return "", errSNS("RedrivePolicy: the dead-letter queue must be of the same type as the topic")
	}
	return wire.DeadLetterTargetArn, nil
}

type getSubscriptionAttributesInput struct{ subscriptionRef }

func (a *account) getSubscriptionAttributes(_ *call, in *getSubscriptionAttributesInput) (*attributesOutput, error) {
	s, err := a.subscription(in.SubscriptionArn)
	if err != nil {
		return nil, err
	}
	all := map[string]string{
		"SubscriptionArn": s.arn, "TopicArn": s.topic.arn, "Owner": accountID, "Protocol": s.protocol, "Endpoint": s.endpoint,
		"ConfirmationWasAuthenticated": "true", "PendingConfirmation": "false", "RawMessageDelivery": "false",
	}
	maps.Copy(all, s.settings)
	return &attributesOutput{Attributes: newXMLMap(all)}, nil
}

type setSubscriptionAttributesInput struct {
	subscriptionRef
	AttributeName  string `sqs:"required"`
	AttributeValue string
}

func (a *account) setSubscriptionAttributes(_ *call, in *setSubscriptionAttributesInput) (*empty, error) {
	s, err := a.subscription(in.SubscriptionArn)
	if err != nil {
		return nil, err
	}
	return &empty{}, s.set(map[string]string{in.AttributeName: in.AttributeValue})
}
