//go:build e2e

package e2e_test

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// attribute adds a message attribute with a text.
func attribute(name, dataType, value string) func(*sqs.SendMessageInput) {
	return func(in *sqs.SendMessageInput) {
		if in.MessageAttributes == nil {
			in.MessageAttributes = map[string]types.MessageAttributeValue{}
		}
		in.MessageAttributes[name] = types.MessageAttributeValue{DataType: aws.String(dataType), StringValue: aws.String(value)}
	}
}

func attributeChecks() []check {
	return []check{
		{
			"message attributes come back",
			`MessageAttributeValue: "String, Number, and Binary", with custom labels after a period`,
			"String a, Number 1.5, String.json {}, Binary 00ff",
			returnAttributes,
		},
		{
			"only the attributes that were asked for",
			`ReceiveMessage, MessageAttributeNames: a list of names, or "all message attributes starting with a prefix, for example bar.*"`,
			"one: a; prefix: a a.x a.y; nothing: none",
			askForAttributes,
		},
		{
			"how many attributes",
			`Developer Guide, message quotas: "A message can contain up to 10 metadata attributes"`,
			"10: ok; 11: InvalidParameterValue",
			func(p *probe) {
				url := p.queue("q")
				p.refused(url, "10", "x", manyAttributes(10))
				p.refused(url, "11", "x", manyAttributes(11))
			},
		},
		{
			"names of attributes",
			"ReceiveMessage, MessageAttributeNames: letters, digits, _ - and ., up to 256 characters, no AWS. or Amazon. in front, no period at an end or twice in succession",
			"space: InvalidParameterValue; AWS.: InvalidParameterValue; amazon.: InvalidParameterValue; " +
				".a: InvalidParameterValue; a..b: InvalidParameterValue; 257: InvalidParameterValue",
			func(p *probe) {
				url := p.queue("q")
				p.refused(url, "space", "x", attribute("a b", "String", "v"))
				for _, name := range []string{"AWS.", "amazon."} {
					p.refused(url, name, "x", attribute(name+"a", "String", "v"))
				}
				for _, name := range []string{".a", "a..b"} {
					p.refused(url, name, "x", attribute(name, "String", "v"))
				}
				p.refused(url, "257", "x", attribute(strings.Repeat("a", 257), "String", "v"))
			},
		},
		{
			"values of attributes",
			`Developer Guide, message metadata: name, type and value "must not be empty or null"; the types are String, Number and Binary`,
			"empty: InvalidParameterValue; text as number: InvalidParameterValue; " +
				"type: InvalidParameterValue; no type: InvalidParameterValue",
			func(p *probe) {
				url := p.queue("q")
				p.refused(url, "empty", "x", attribute("a", "String", ""))
				p.refused(url, "text as number", "x", attribute("a", "Number", "one"))
				p.refused(url, "type", "x", attribute("a", "Boolean", "true"))
				p.refused(url, "no type", "x", attribute("a", "", "v"))
			},
		},
		{
			"characters that no attribute may have",
			`Developer Guide, message metadata: a String value "has the same restrictions on the content as the message body"`,
			"refused true",
			func(p *probe) {
				_, err := p.SendMessage(p.ctx, message(p.queue("q"), "x", attribute("a", "String", "\x01")))
				p.notef("refused %t", err != nil)
			},
		},
		{
			"system attributes of a message",
			"ReceiveMessage, MessageSystemAttributeNames lists them",
			"count 1, sent true, first received true, sender true",
			func(p *probe) {
				url := p.queue("q")
				p.send(url, "x")
				m := p.one(url)
				p.notef("count %d, sent %t, first received %t, sender %t", receives(m), m.Attributes["SentTimestamp"] != "",
					m.Attributes["ApproximateFirstReceiveTimestamp"] != "", m.Attributes["SenderId"] != "")
			},
		},
		{
			"system attributes by the parameter of today",
			`ReceiveMessage: "AttributeNames has been replaced by MessageSystemAttributeNames"`,
			"count 1, others 0",
			func(p *probe) {
				url := p.queue("q")
				p.send(url, "x")
				m := p.one(url, func(in *sqs.ReceiveMessageInput) {
					in.AttributeNames = nil //nolint:staticcheck // what receive sets
					in.MessageSystemAttributeNames = []types.MessageSystemAttributeName{"ApproximateReceiveCount"}
				})
				p.notef("count %d, others %d", receives(m), len(m.Attributes)-1)
			},
		},
		{
			"the trace header",
			`SendMessage, MessageSystemAttributes: "the only supported message system attribute is AWSTraceHeader"`,
			"Root=1",
			func(p *probe) {
				url := p.queue("q")
				p.send(url, "x", func(in *sqs.SendMessageInput) {
					in.MessageSystemAttributes = map[string]types.MessageSystemAttributeValue{
						"AWSTraceHeader": {DataType: aws.String("String"), StringValue: aws.String("Root=1")},
					}
				})
				p.notef("%s", orNone(p.one(url).Attributes["AWSTraceHeader"]))
			},
		},
	}
}

func manyAttributes(n int) func(*sqs.SendMessageInput) {
	return func(in *sqs.SendMessageInput) {
		for i := range n {
			attribute(fmt.Sprint("a", i), "String", "v")(in)
		}
	}
}

func returnAttributes(p *probe) {
	url := p.queue("q")
	p.send(url, "x", attribute("s", "String", "a"), attribute("n", "Number", "1.5"), attribute("j", "String.json", "{}"),
		func(in *sqs.SendMessageInput) {
			in.MessageAttributes["b"] = types.MessageAttributeValue{DataType: aws.String("Binary"), BinaryValue: []byte{0, 255}}
		})
	var list []string
	got := p.one(url).MessageAttributes
	for _, name := range []string{"s", "n", "j"} {
		list = append(list, aws.ToString(got[name].DataType)+" "+aws.ToString(got[name].StringValue))
	}
	p.notef("%s, %s %x", strings.Join(list, ", "), aws.ToString(got["b"].DataType), got["b"].BinaryValue)
}

func askForAttributes(p *probe) {
	url := p.queue("q")
	for _, c := range []struct {
		what  string
		names []string
	}{{"one", []string{"a"}}, {"prefix", []string{"a.*"}}, {"nothing", nil}} {
		p.send(url, "x", attribute("a", "String", "v"), attribute("a.x", "String", "v"), attribute("a.y", "String", "v"),
			attribute("b", "String", "v"))
		m := p.one(url, func(in *sqs.ReceiveMessageInput) { in.MessageAttributeNames = c.names })
		var names []string
		for name := range m.MessageAttributes {
			names = append(names, name)
		}
		p.notef("%s: %s", c.what, orNone(sorted(names)))
	}
}
