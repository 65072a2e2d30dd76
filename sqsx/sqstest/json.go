package sqstest

import (
	"encoding/json"
	"net/http"
	"strings"
)

// jsonProtocol is AWS JSON 1.0, which SQS speaks.
type jsonProtocol struct{}

const (
	jsonType     = "application/x-amz-json-1.0"
	targetPrefix = "AmazonSQS."
)

func (jsonProtocol) operation(r *http.Request, _ []byte) (string, error) {
	name, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), targetPrefix)
	if !ok || !strings.HasPrefix(r.Header.Get("Content-Type"), jsonType) {
		return "", newError("InvalidAction", "This is not a request of the AWS JSON 1.0 protocol: "+
			"it needs the header X-Amz-Target: %sOPERATION and the Content-Type %s.", targetPrefix, jsonType)
	}
	return name, nil
}

func (jsonProtocol) find(name string) operation {
	for _, find := range []func(string) operation{messageOperation, batchOperation, queueOperation, taskOperation} {
		if op := find(name); op != nil {
			return op
		}
	}
	return nil
}

func (jsonProtocol) unknown() string { return "UnknownOperationException" }

func (jsonProtocol) decode(body []byte, into any) error { return decodeShape(body, into) }

func (jsonProtocol) answer(_ string, out any) *reply {
	body, err := json.Marshal(out)
	return newReply(http.StatusOK, jsonType, body, err)
}

// jsonError is the body of an error.
type jsonError struct {
	Type    string `json:"__type"`
	Message string `json:"message"`
}

func (jsonProtocol) refusal(e *apiError) *reply {
	body, err := json.Marshal(jsonError{Type: "com.amazonaws.sqs#" + e.code, Message: e.message})
	r := newReply(e.httpStatus(), jsonType, body, err)
	r.header.Set("X-Amzn-Query-Error", e.queryError())
	return r
}
