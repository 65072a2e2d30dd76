package iamtest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// call is a request of the SDK: to SQS in JSON, to SNS as a form.
type call struct {
	service   string // as actions name it: sqs or sns
	operation string

	QueueName      string            `json:"QueueName"`
	QueueURL       string            `json:"QueueUrl"`
	SourceArn      string            `json:"SourceArn"`
	DestinationArn string            `json:"DestinationArn"`
	Tags           map[string]string `json:"tags"`
	TopicArn       string            `json:"-"`
}

func readCall(header http.Header, body []byte) call {
	if _, operation, ok := strings.Cut(header.Get("X-Amz-Target"), "."); ok {
		c := call{service: "sqs", operation: operation}
		_ = json.Unmarshal(body, &c) // the server refuses what is not JSON
		return c
	}
	form, _ := url.ParseQuery(string(body)) // the server refuses what is not a form
	return call{service: "sns", operation: form.Get("Action"), TopicArn: form.Get("TopicArn")}
}

// action is the IAM action of the call: operations on batches need the permission of the
// single operation.
func (c call) action() string { return c.service + ":" + strings.TrimSuffix(c.operation, "Batch") }

// need is an action on a queue or topic.
type need struct{ action, arn string }

// needs returns what a call needs. A move task acts for its caller, and CreateQueue with
// tags also tags. mu must be held.
func (g *Guard) needs(c call) []need {
	action := c.action()
	switch c.operation {
	case "StartMessageMoveTask":
		g.source = c.SourceArn
		return []need{
			{action, c.SourceArn}, {"sqs:ReceiveMessage", c.SourceArn}, {"sqs:DeleteMessage", c.SourceArn},
			{"sqs:GetQueueAttributes", c.SourceArn}, {"sqs:SendMessage", c.DestinationArn},
		}
	case "ListMessageMoveTasks":
		return []need{{action, c.SourceArn}}
	case "CancelMessageMoveTask": // names its task by a handle
		return []need{{action, g.source}}
	}
	if c.service == "sns" {
		return []need{{action, c.TopicArn}}
	}
	name := c.QueueName
	if name == "" {
		name = path.Base(c.QueueURL)
	}
	arn := "arn:aws:sqs:us-east-1:" + g.account + ":" + name
	if c.operation == "CreateQueue" && len(c.Tags) > 0 {
		return []need{{action, arn}, {"sqs:TagQueue", arn}}
	}
	return []need{{action, arn}}
}

func (c call) refusal(r *http.Request) *http.Response {
	kind := "application/x-amz-json-1.0"
	text := `{"__type":"com.amazonaws.sqs#AccessDeniedException","message":"not authorized"}`
	if c.service == "sns" {
		kind = "text/xml"
		text = `<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code>` +
			`<Message>not authorized</Message></Error></ErrorResponse>`
	}
	return &http.Response{
		StatusCode: http.StatusForbidden, Status: "403 Forbidden", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(text)), Request: r,
	}
}
