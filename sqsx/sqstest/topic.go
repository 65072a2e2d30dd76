package sqstest

import (
	"encoding/json"
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

// maxBytes returns the largest size of a message, and of a batch.
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

// createTopic creates a topic, or returns an existing one with the same attributes.
func (a *account) createTopic(_ *call, in *createTopicInput) (*topicOutput, error) {
	t := &topic{name: in.Name, arn: topicPrefix + in.Name, fifo: isFIFOName(in.Name)}
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
	if name == "" || len(in.Name) > 256 ||
		strings.ContainsFunc(name, func(r rune) bool { return !isWordCharacter(r) }) {
		return errSNS("Topic Name")
	}
	if t.fifo != (in.Attributes["FifoTopic"] == "true") {
		return errSNS(
			"Topic Name: a FIFO topic has the attribute FifoTopic=true and a name that ends with .fifo, no other has",
		)
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

// deleteTopic also succeeds for a missing topic.
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

// listTopics returns a hundred topics at a time, sorted by name.
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

// The largest size of a message, in bytes: by default, and with the topic attribute
// MaximumMessageSize.
const (
	defaultTopicBytes = 256 << 10
	maxTopicBytes     = 1 << 20
)

// maxLargeSubscriptions is how many subscriptions a topic for messages over 256 KiB may
// have.
const maxLargeSubscriptions = 100

// set checks attributes and sets them; an empty value removes one. On an error the topic
// is unchanged.
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

// getTopicAttributes returns the settings, the counts, and the attributes of every topic.
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

// topicAttribute is a message attribute in a form.
type topicAttribute struct {
	DataType    string `sqs:"required"`
	StringValue *string
	BinaryValue []byte
}

// attributes converts the attributes to attributes of a queue message.
func (in *publishInput) attributes() map[string]attributeValue {
	if len(in.MessageAttributes) == 0 {
		return nil
	}
	out := map[string]attributeValue{}
	for name, value := range in.MessageAttributes {
		out[name] = attributeValue{
			DataType:    value.DataType,
			StringValue: value.StringValue,
			BinaryValue: value.BinaryValue,
		}
	}
	return out
}

// checkTopicAttributes checks the message attributes of one message. Their number is not
// limited. Source: "Amazon SNS message attributes"; most rules are the same as for SQS.
func checkTopicAttributes(attributes map[string]attributeValue) error {
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		value := attributes[name]
		if !slices.Contains([]string{"String", "String.Array", "Number", "Binary"}, value.DataType) {
			return newError(
				"ParameterValueInvalid",
				"The message attribute '%s' has an invalid message attribute type, "+
					"the set of supported types is String, String.Array, Number and Binary.",
				name,
			)
		}
		if err := checkAttributeName(name); err != nil {
			return asSNS(err, "ParameterValueInvalid")
		}
		if err := value.check(name); err != nil {
			return asSNS(err, "ParameterValueInvalid")
		}
		if value.DataType == "String.Array" && !isScalarArray(*value.StringValue) {
			return newError(
				"ParameterValueInvalid",
				"The message attribute '%s' of type String.Array is no JSON array "+
					"of strings, numbers, true, false and null.",
				name,
			)
		}
	}
	return nil
}

func isScalarArray(text string) bool {
	var items []any
	if err := json.Unmarshal([]byte(text), &items); err != nil || items == nil {
		return false
	}
	return !slices.ContainsFunc(items, func(item any) bool {
		switch item.(type) {
		case []any, map[string]any:
			return true
		}
		return false
	})
}

// The subscription protocols that the server supports.
const (
	toQueue    = "sqs"
	toFunction = "lambda"
)

// subscription is a destination of a topic. The account's lock guards it.
type subscription struct {
	arn      string
	topic    *topic
	protocol string
	endpoint string // the ARN of a queue or a function
	settings map[string]string
	dead     string // the ARN of the dead-letter queue, "" for none
}

// isRaw reports whether a queue gets the message without the notification around it.
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
		return nil, newError(
			"SubscriptionLimitExceeded",
			"A topic of large messages has at most %d subscriptions.",
			maxLargeSubscriptions,
		)
	}
	t.subscriptions = append(t.subscriptions, s)
	return &subscribeOutput{SubscriptionArn: s.arn}, nil
}

// sameAs answers a Subscribe for an existing subscription.
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
	s.topic.subscriptions = slices.DeleteFunc(
		s.topic.subscriptions,
		func(other *subscription) bool { return other == s },
	)
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

// listSubscriptionsByTopic returns a hundred at a time, sorted by ARN.
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

// set checks attributes and sets them; on an error the subscription is unchanged.
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

// deadLetterTarget reads a RedrivePolicy; an empty one removes the target.
func (s *subscription) deadLetterTarget(policy string) (string, error) {
	if policy == "" {
		return "", nil
	}
	var wire struct {
		DeadLetterTargetArn string `json:"deadLetterTargetArn"`
	}
	if err := json.Unmarshal(
		[]byte(policy),
		&wire,
	); err != nil ||
		!strings.HasPrefix(wire.DeadLetterTargetArn, "arn:aws:sqs:") {
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
		"SubscriptionArn":              s.arn,
		"TopicArn":                     s.topic.arn,
		"Owner":                        accountID,
		"Protocol":                     s.protocol,
		"Endpoint":                     s.endpoint,
		"ConfirmationWasAuthenticated": "true",
		"PendingConfirmation":          "false",
		"RawMessageDelivery":           "false",
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
