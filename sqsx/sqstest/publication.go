package sqstest

import (
	"encoding/json"
	"strings"
	"time"
)

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
	key             string // what the ledger calls it
}

// publication checks the message against the rules of Publish and those of the
// topic.
func (in *publishInput) publication(t *topic, now time.Time) (*publication, error) {
	p := &publication{id: newID(), topic: t, message: in.Message, subject: in.Subject, at: now, attributes: in.attributes()}
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

// checkSubject checks a subject: up to 100 printable ASCII characters, of which
// the first is no space.
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

// size is the size of the message in bytes: its text and its attributes.
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

// structureOf reads a message that is another for each protocol.
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

// identify sets group and deduplication id, as the topic's type demands.
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
		return errSNS("The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
	}
	p.deduplicationID = contentID(p.message)
	return nil
}

// deduplicationKey is what makes two messages of the topic the same.
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

// text is the message for a protocol.
func (p *publication) text(protocol string) string {
	if p.structure == nil {
		return p.message
	}
	if text, ok := p.structure[protocol]; ok {
		return text
	}
	return p.structure["default"]
}
