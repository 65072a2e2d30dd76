package taskhawk

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// encodingAttribute says how the body is encoded. The older Go library sets it to "base64" where the payload has characters
// that SQS refuses.
const encodingAttribute = "taskhawk_encoding"

// snsNotification is what a subscription without raw delivery puts on a queue around the message.
type snsNotification struct {
	Type              string                           `json:"Type"`
	TopicARN          string                           `json:"TopicArn"`
	Message           *string                          `json:"Message"`
	MessageAttributes map[string]notificationAttribute `json:"MessageAttributes"`
}

type notificationAttribute struct {
	Value string `json:"Value"`
}

// readBody reads the message of a delivery: plain, base64, or wrapped in an SNS notification. That args and kwargs are JSON is left for Bind
// to find out, so that they are read once.
// The topic is the ARN in the notification, empty without one.
func readBody(body, encoding string) (msg *Message, topic string, err error) {
	plain, err := decodeBody(body, encoding)
	if err != nil {
		return nil, "", err
	}
	msg, err = parseMessage(plain, jsontext.SpanContainer)
	if err == nil {
		return msg, "", nil
	}
	wrapped, ok := unwrapSNS(plain)
	if !ok {
		return nil, "", err
	}
	plain, err = decodeBody(*wrapped.Message, wrapped.MessageAttributes[encodingAttribute].Value)
	if err != nil {
		return nil, "", err
	}
	msg, err = parseMessage(plain, jsontext.SpanContainer)
	return msg, wrapped.TopicARN, err
}

func decodeBody(body, encoding string) (string, error) {
	switch encoding {
	case "":
		return body, nil
	case "base64":
		plain, err := base64.StdEncoding.DecodeString(body)
		if err != nil {
			return "", &MessageError{Reason: "the body is not base64, as its attribute " + encodingAttribute + " says"}
		}
		return string(plain), nil
	}
	return "", &MessageError{Reason: "the attribute " + encodingAttribute + " is not base64"}
}

// unwrapSNS looks for a notification only where the text can be one, since it costs another reading of the body.
func unwrapSNS(body string) (*snsNotification, bool) {
	if !strings.Contains(body, `"Notification"`) {
		return nil, false
	}
	var n snsNotification
	if err := json.Unmarshal([]byte(body), &n); err != nil {
		return nil, false
	}
	return &n, n.Type == "Notification" && n.TopicARN != "" && n.Message != nil
}
