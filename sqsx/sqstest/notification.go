package sqstest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
)

// notification is what a queue gets around a message without raw delivery, in
// the order in which SNS writes it. The signature is none.
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

// functionEvent is what a function gets: one record, in which the names of two
// members are spelled in another way, and none is left out.
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
	signingCertURL = "https://sns." + region + ".amazonaws.com/SimpleNotificationService-0000000000000000000000000000000.pem"
)

// notificationFor is the body that the queue of a subscription gets.
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

// eventFor is what the function of a subscription gets.
func (p *publication) eventFor(s *subscription) []byte {
	return plainJSON(functionEvent{Records: []functionRecord{{
		EventSource: "aws:sns", EventVersion: "1.0", EventSubscriptionArn: s.arn,
		Sns: functionMessage{
			Type: "Notification", MessageId: p.id, TopicArn: p.topic.arn, Subject: p.subject, Message: p.text(s.protocol),
			Timestamp: p.timestamp(), SignatureVersion: p.topic.signatureVersion(), Signature: signature,
			SigningCertUrl: signingCertURL, UnsubscribeUrl: s.unsubscribeURL(), MessageAttributes: p.notified(),
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

// notified are the attributes as text: bytes in base64.
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

// plainJSON is JSON without escapes for HTML.
func plainJSON(value any, indent string) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	_ = encoder.Encode(value) //nolint:errchkjson // a value of strings alone
	return bytes.TrimSpace(out.Bytes())
}
