package sqstest

import (
	"slices"
	"strings"
)

// The protocols of a subscription that the server delivers by.
const (
	toQueue    = "sqs"
	toFunction = "lambda"
)

// subscription is where a topic delivers. The account's lock guards it.
type subscription struct {
	arn      string
	topic    *topic
	protocol string
	endpoint string // the ARN of a queue or a function
	settings map[string]string
	dead     string // the ARN of the dead-letter queue, "" for none
}

// isRaw says whether a queue gets the message without the notification around it.
func (s *subscription) isRaw() bool { return s.settings["RawMessageDelivery"] == "true" }

// subscription finds a subscription by its ARN.
func (a *account) subscription(arn string) (*subscription, error) {
	if len(strings.Split(arn, ":")) != 7 || !strings.HasPrefix(arn, "arn:aws:sns:") {
		return nil, errSNSParameter("SubscriptionArn", "An ARN of a subscription has 7 elements")
	}
	t, err := a.topic(arn[:strings.LastIndexByte(arn, ':')])
	if err != nil {
		return nil, errSubscriptionNotFound()
	}
	for _, s := range t.subscriptions {
		if s.arn == arn {
			return s, nil
		}
	}
	return nil, errSubscriptionNotFound()
}

type subscribeInput struct {
	topicRef
	Protocol              string `sqs:"required"`
	Endpoint              string
	Attributes            map[string]string
	ReturnSubscriptionArn bool
}

type subscribeOutput struct {
	SubscriptionArn string
}

// subscribe takes effect at once: a queue or function of the same account needs
// no confirmation. The endpoint need not exist.
func (a *account) subscribe(_ *call, in *subscribeInput) (*subscribeOutput, error) {
	t, err := a.topic(in.TopicArn)
	if err != nil {
		return nil, err
	}
	if err := in.check(t); err != nil {
		return nil, err
	}
	s := &subscription{arn: t.arn + ":" + newID(), topic: t, protocol: in.Protocol, endpoint: in.Endpoint}
	if err := s.set(in.Attributes); err != nil {
		return nil, err
	}
	for _, existing := range t.subscriptions {
		if existing.protocol == s.protocol && existing.endpoint == s.endpoint {
			return existing.sameAs(in.Attributes)
		}
	}
	if t.maxBytes() > defaultTopicBytes && len(t.subscriptions) >= maxLargeSubscriptions {
		return nil, newError("SubscriptionLimitExceeded", "A topic of large messages has at most %d subscriptions.", maxLargeSubscriptions)
	}
	t.subscriptions = append(t.subscriptions, s)
	return &subscribeOutput{SubscriptionArn: s.arn}, nil
}

// sameAs answers a Subscribe for an endpoint that is subscribed already.
func (s *subscription) sameAs(attributes map[string]string) (*subscribeOutput, error) {
	for name, value := range attributes {
		if s.settings[name] != value {
			return nil, errSNSParameter("Attributes", "Subscription already exists with different attributes")
		}
	}
	return &subscribeOutput{SubscriptionArn: s.arn}, nil
}

func (in *subscribeInput) check(t *topic) error {
	switch in.Protocol {
	case toQueue:
		if !strings.HasPrefix(in.Endpoint, "arn:aws:sqs:") || strings.Count(in.Endpoint, ":") != 5 {
			return errSNS("SQS endpoint ARN")
		}
		if !t.fifo && strings.HasSuffix(in.Endpoint, fifoSuffix) {
			return errSNSParameter("Endpoint", "FIFO SQS Queues can not be subscribed to standard SNS topics")
		}
	case toFunction:
		if !strings.HasPrefix(in.Endpoint, "arn:aws:lambda:") || !strings.Contains(in.Endpoint, ":function:") {
			return errSNS("Lambda endpoint ARN")
		}
		if t.fifo {
			return errSNS("Invalid protocol type: lambda. FIFO topics deliver to SQS queues only")
		}
	default:
		return errSNS("this server delivers to the protocols sqs and lambda, not to %q", in.Protocol)
	}
	return nil
}

type unsubscribeInput struct{ subscriptionRef }

func (a *account) unsubscribe(_ *call, in *unsubscribeInput) (*empty, error) {
	s, err := a.subscription(in.SubscriptionArn)
	if err != nil {
		return nil, err
	}
	s.topic.subscriptions = slices.DeleteFunc(s.topic.subscriptions, func(other *subscription) bool { return other == s })
	s.topic.deleted++
	return &empty{}, nil
}

type listSubscriptionsInput struct {
	topicRef
	NextToken *string
}

type listSubscriptionsOutput struct {
	Subscriptions []subscriptionEntry `xml:"Subscriptions>member"`
	NextToken     string              `xml:",omitempty"`
}

type subscriptionEntry struct {
	Endpoint, Owner, Protocol, SubscriptionArn, TopicArn string
}

// listSubscriptionsByTopic gives a hundred at a time, in the order of their ARNs.
func (a *account) listSubscriptionsByTopic(_ *call, in *listSubscriptionsInput) (*listSubscriptionsOutput, error) {
	t, err := a.topic(in.TopicArn)
	if err != nil {
		return nil, err
	}
	var arns []string
	for _, s := range t.subscriptions {
		arns = append(arns, s.arn)
	}
	slices.Sort(arns)
	arns, token, err := page(arns, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &listSubscriptionsOutput{NextToken: token}
	for _, s := range t.subscriptions {
		if slices.Contains(arns, s.arn) {
			out.Subscriptions = append(out.Subscriptions, subscriptionEntry{
				Endpoint: s.endpoint, Owner: accountID, Protocol: s.protocol, SubscriptionArn: s.arn, TopicArn: t.arn,
			})
		}
	}
	return out, nil
}
