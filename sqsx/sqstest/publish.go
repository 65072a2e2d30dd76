package sqstest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// publishInput is the message in a Publish or an entry of PublishBatch.
type publishInput struct {
	Message                string                    `sqs:"required"`
	MessageAttributes      map[string]topicAttribute `query:"Name,Value"`
	MessageDeduplicationId *string
	MessageGroupId         *string
	MessageStructure       *string
	Subject                *string
}

type publishOneInput struct {
	TopicArn    *string
	TargetArn   *string
	PhoneNumber *string
	publishInput
}

func (in *publishOneInput) topicARN() string {
	for _, arn := range []*string{in.TopicArn, in.TargetArn} {
		if arn != nil {
			return *arn
		}
	}
	return ""
}

type publishOutput struct {
	MessageId      string
	SequenceNumber string `xml:",omitempty"`
}

func (a *account) publishOne(ctx context.Context, c *call, in *publishOneInput) (*publishOutput, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c.begin(a)
	if in.PhoneNumber != nil || in.topicARN() == "" {
		return nil, errSNS(
			"TopicArn or TargetArn Reason: no value for required parameter; this server sends to topics only",
		)
	}
	t, err := a.topic(in.topicARN())
	if err != nil {
		return nil, err
	}
	return a.publish(ctx, t, &in.publishInput, c.now)
}

// publish checks a message and delivers it to all subscriptions unless it is a duplicate.
func (a *account) publish(ctx context.Context, t *topic, in *publishInput, now time.Time) (*publishOutput, error) {
	p, err := in.publication(t, now)
	if err != nil {
		return nil, err
	}
	p.key = a.key(p.id, p.message)
	if t.fifo {
		if first := t.deduplication.find(p.deduplicationKey(), now); first != nil {
			a.recordTopic(Deduplicated, first, nil, "")
			return first.output(), nil
		}
		t.deduplication.remember(p.deduplicationKey(), p, now)
		a.sequence++
		p.sequence = a.sequence
	}
	a.recordTopic(Published, p, nil, "")
	for _, s := range t.subscriptions {
		a.notify(ctx, s, p)
	}
	return p.output(), nil
}

type publishEntry struct {
	batchEntry
	publishInput
}

type publishBatchInput struct {
	topicRef
	PublishBatchRequestEntries []publishEntry `sqs:"required"`
}

func (in *publishBatchInput) entryIDs() []string {
	ids := make([]string, len(in.PublishBatchRequestEntries))
	for i, entry := range in.PublishBatchRequestEntries {
		ids[i] = entry.Id
	}
	return ids
}

type publishResult struct {
	Id string
	publishOutput
}

func (a *account) publishBatch(
	ctx context.Context,
	c *call,
	in *publishBatchInput,
) (*batchOutput[publishResult], error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c.begin(a)
	t, err := a.topic(in.TopicArn)
	if err != nil {
		return nil, err
	}
	if err := checkBatch(in.PublishBatchRequestEntries); err != nil {
		return nil, err
	}
	size := 0
	for _, entry := range in.PublishBatchRequestEntries {
		size += entry.size()
	}
	if size > t.maxBytes() {
		return nil, newError(
			"BatchRequestTooLong",
			"The length of all the messages put together is more than the limit of %d bytes.",
			t.maxBytes(),
		)
	}
	return eachEntry(c, in.PublishBatchRequestEntries, func(entry publishEntry) (publishResult, error) {
		out, err := a.publish(ctx, t, &entry.publishInput, c.now)
		if err != nil {
			return publishResult{}, err
		}
		return publishResult{Id: entry.Id, publishOutput: *out}, nil
	}), nil
}

// publication is a message that a topic accepted.
type publication struct {
	id              string
	topic           *topic
	message         string
	subject         *string
	structure       map[string]string // the message by protocol, for MessageStructure=json
	attributes      map[string]attributeValue
	group           string
	deduplicationID string
	sequence        uint64 // FIFO topics only
	at              time.Time
	key             string // the key in the ledger
}

// publication checks the message against the rules of Publish and of the topic.
func (in *publishInput) publication(t *topic, now time.Time) (*publication, error) {
	p := &publication{
		id:         newID(),
		topic:      t,
		message:    in.Message,
		subject:    in.Subject,
		at:         now,
		attributes: in.attributes(),
	}
	for _, err := range []error{
		checkMessage(in.Message), checkTopicAttributes(p.attributes), checkSubject(in.Subject), in.checkSize(t),
		in.structureOf(p), in.identify(p),
	} {
		if err != nil {
			return nil, err
		}
	}
	return p, nil
}

func checkMessage(message string) error {
	if message == "" {
		return errSNS("Empty message")
	}
	if bad, found := illegalCharacter(message); found {
		return errSNSParameter("Message", "it has a character that is not allowed in XML: "+string(bad))
	}
	return nil
}

// checkSubject checks a subject: up to 100 printable ASCII characters, the first not a
// space.
func checkSubject(subject *string) error {
	if subject == nil {
		return nil
	}
	printable := func(r rune) bool { return r >= ' ' && r < 0x7f }
	if *subject == "" || len(*subject) > 100 || (*subject)[0] == ' ' ||
		strings.ContainsFunc(*subject, func(r rune) bool { return !printable(r) }) {
		return errSNS("Subject")
	}
	return nil
}

// size returns the size of the message in bytes: its text and its attributes.
func (in *publishInput) size() int {
	size := len(in.Message)
	for name, value := range in.attributes() {
		size += value.size(name)
	}
	return size
}

func (in *publishInput) checkSize(t *topic) error {
	if in.size() > t.maxBytes() {
		return errSNS("Message too long")
	}
	return nil
}

// structureOf reads a message with a text for each protocol.
func (in *publishInput) structureOf(p *publication) error {
	if in.MessageStructure == nil {
		return nil
	}
	if *in.MessageStructure != "json" {
		return errSNS("MessageStructure")
	}
	var members map[string]any
	if err := json.Unmarshal([]byte(in.Message), &members); err != nil {
		return errSNS("Message Structure - JSON message body failed to parse")
	}
	p.structure = map[string]string{}
	for protocol, member := range members {
		if text, ok := member.(string); ok {
			p.structure[protocol] = text
		}
	}
	if _, ok := p.structure["default"]; !ok {
		return errSNS("Message Structure - No default entry in JSON message body")
	}
	p.attributes = nil // they are sent only with a message that is a text
	return nil
}

// identify sets group and deduplication id, as the type of the topic requires.
func (in *publishInput) identify(p *publication) error {
	for name, token := range map[string]*string{
		"MessageGroupId": in.MessageGroupId, "MessageDeduplicationId": in.MessageDeduplicationId,
	} {
		if err := checkToken(name, token); err != nil {
			return asSNS(err, "InvalidParameter")
		}
	}
	if in.MessageGroupId != nil {
		p.group = *in.MessageGroupId
	}
	if in.MessageDeduplicationId != nil {
		p.deduplicationID = *in.MessageDeduplicationId
	}
	switch {
	case !p.topic.fifo && in.MessageDeduplicationId != nil:
		return errSNSParameter("MessageDeduplicationId",
			"The request includes MessageDeduplicationId parameter that is not valid for this topic type")
	case !p.topic.fifo:
		return nil
	case p.group == "":
		return errSNS("The MessageGroupId parameter is required for FIFO topics")
	case p.deduplicationID != "":
		return nil
	case p.topic.settings["ContentBasedDeduplication"] != "true":
		return errSNS(
			"The topic should either have ContentBasedDeduplication enabled " +
				"or MessageDeduplicationId provided explicitly",
		)
	}
	p.deduplicationID = contentID(p.message)
	return nil
}

// deduplicationKey returns the key that duplicates on the topic share.
func (p *publication) deduplicationKey() string {
	if p.topic.settings["FifoThroughputScope"] == "MessageGroup" {
		return p.group + "\x00" + p.deduplicationID
	}
	return p.deduplicationID
}

func (p *publication) output() *publishOutput {
	out := &publishOutput{MessageId: p.id}
	if p.topic.fifo {
		out.SequenceNumber = sequenceNumber(p.sequence)
	}
	return out
}

// text returns the message for a protocol.
func (p *publication) text(protocol string) string {
	if p.structure == nil {
		return p.message
	}
	if text, ok := p.structure[protocol]; ok {
		return text
	}
	return p.structure["default"]
}

// notification is the JSON around a message without raw delivery, in the order in which
// SNS writes it. There is no signature.
type notification struct {
	Type              string
	MessageId         string
	SequenceNumber    string `json:",omitempty"`
	TopicArn          string
	Subject           *string `json:",omitempty"`
	Message           string
	Timestamp         string
	SignatureVersion  string `json:",omitempty"`
	Signature         string `json:",omitempty"`
	SigningCertURL    string `json:",omitempty"`
	UnsubscribeURL    string
	MessageAttributes map[string]notifiedAttribute `json:",omitempty"`
}

type notifiedAttribute struct{ Type, Value string }

// functionEvent is the event of a function: one record, in which two members are spelled
// differently and none is omitted.
type functionEvent struct{ Records []functionRecord }

type functionRecord struct {
	EventSource          string
	EventVersion         string
	EventSubscriptionArn string
	Sns                  functionMessage
}

type functionMessage struct {
	Type              string
	MessageId         string
	TopicArn          string
	Subject           *string
	Message           string
	Timestamp         string
	SignatureVersion  string
	Signature         string
	SigningCertUrl    string
	UnsubscribeUrl    string
	MessageAttributes map[string]notifiedAttribute
}

const (
	signature      = "EXAMPLE"
	signingCertURL = "https://sns." + region +
		".amazonaws.com/SimpleNotificationService-0000000000000000000000000000000.pem"
)

// notificationFor returns the body for the queue of a subscription.
func (p *publication) notificationFor(s *subscription) string {
	n := notification{
		Type: "Notification", MessageId: p.id, TopicArn: p.topic.arn, Subject: p.subject, Message: p.text(s.protocol),
		Timestamp: p.timestamp(), SignatureVersion: p.topic.signatureVersion(), Signature: signature,
		SigningCertURL: signingCertURL, UnsubscribeURL: s.unsubscribeURL(), MessageAttributes: p.notified(),
	}
	if p.topic.fifo {
		n.SequenceNumber = sequenceNumber(p.sequence)
	}
	return string(plainJSON(n, "  "))
}

// eventFor returns the event for the function of a subscription.
func (p *publication) eventFor(s *subscription) []byte {
	return plainJSON(functionEvent{Records: []functionRecord{{
		EventSource: "aws:sns", EventVersion: "1.0", EventSubscriptionArn: s.arn,
		Sns: functionMessage{
			Type:              "Notification",
			MessageId:         p.id,
			TopicArn:          p.topic.arn,
			Subject:           p.subject,
			Message:           p.text(s.protocol),
			Timestamp:         p.timestamp(),
			SignatureVersion:  p.topic.signatureVersion(),
			Signature:         signature,
			SigningCertUrl:    signingCertURL,
			UnsubscribeUrl:    s.unsubscribeURL(),
			MessageAttributes: p.notified(),
		},
	}}}, "")
}

func (p *publication) timestamp() string { return p.at.UTC().Format("2006-01-02T15:04:05.000Z") }

func (t *topic) signatureVersion() string {
	if version := t.settings["SignatureVersion"]; version != "" {
		return version
	}
	return "1"
}

func (s *subscription) unsubscribeURL() string {
	return "https://sns." + region + ".amazonaws.com/?Action=Unsubscribe&SubscriptionArn=" + s.arn
}

// notified returns the attributes as text: bytes in base64.
func (p *publication) notified() map[string]notifiedAttribute {
	out := map[string]notifiedAttribute{}
	for name, value := range p.attributes {
		text := string(value.bytes())
		if value.isBinary() {
			text = base64.StdEncoding.EncodeToString(value.BinaryValue)
		}
		out[name] = notifiedAttribute{Type: value.DataType, Value: text}
	}
	return out
}

// plainJSON returns JSON without HTML escapes.
func plainJSON(value any, indent string) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	_ = encoder.Encode(value) //nolint:errchkjson // the value has only strings
	return bytes.TrimSpace(out.Bytes())
}

const functionPrefix = "arn:aws:lambda:" + region + ":" + accountID + ":function:"

// Function stands for a Lambda function. It gets the JSON of an event. Its context ends
// when the server closes.
type Function func(ctx context.Context, event []byte) error

// Register gives a function a name and returns its ARN, the endpoint of a subscription
// with the protocol lambda. Each message of the topic runs it in a new goroutine, like an
// asynchronous invocation: after an error or a panic it runs again one minute later, and
// two minutes after that. Close waits for the attempt that runs or is due, and starts no
// later one.
func (s *Server) Register(name string, function Function) (arn string) {
	s.account.mu.Lock()
	defer s.account.mu.Unlock()
	arn = functionPrefix + name
	s.account.functions[arn] = function
	return arn
}

// invoke starts the function of a subscription and does not wait for it.
func (a *account) invoke(ctx context.Context, s *subscription, p *publication) {
	function := a.functions[s.endpoint]
	switch {
	case function == nil:
		a.giveUp(s, p, "The function does not exist.")
	case !a.isClosed():
		ctx = lifetime{Context: context.WithoutCancel(ctx), closed: a.closed}
		event := p.eventFor(s)
		a.runs.Go(func() { a.run(ctx, func(ctx context.Context) error { return safely(ctx, function, event) }, s, p) })
	}
}

// run invokes a function up to three times.
func (a *account) run(ctx context.Context, function func(context.Context) error, s *subscription, p *publication) {
	for attempt := range 3 {
		// The first attempt is owed even if the server closes before this goroutine starts.
		if attempt > 0 && !sleep(ctx, time.Duration(attempt)*time.Minute) {
			return
		}
		a.noteInvocation(p, s)
		if function(ctx) == nil {
			return
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.giveUp(s, p, "The function failed three times.")
}

func (a *account) noteInvocation(p *publication, s *subscription) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.recordTopic(Invoked, p, s, "")
}

// safely calls a function and converts a panic to an error.
func safely(ctx context.Context, function Function, event []byte) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("panic: %v", value)
		}
	}()
	return function(ctx, event)
}

// sleep waits. It reports false if ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// lifetime is a context that ends with the server.
type lifetime struct {
	context.Context //nolint:containedctx // it is one

	closed <-chan struct{}
}

// Done returns a channel that is closed when the server closes.
func (l lifetime) Done() <-chan struct{} { return l.closed }

// Err returns context.Canceled after that.
func (l lifetime) Err() error {
	select {
	case <-l.closed:
		return context.Canceled
	default:
		return nil
	}
}
