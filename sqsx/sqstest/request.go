package sqstest

import (
	"io"
	"net/http"
	"strings"
)

// maxRequestBytes bounds what is read of a request: a batch of 1 MiB whose
// every byte is escaped in JSON.
const maxRequestBytes = 8 << 20

const targetPrefix = "AmazonSQS."

// readRequest reads the operation's name and the JSON of a request.
func readRequest(r *http.Request) (name string, body []byte, err error) {
	if r.Method != http.MethodPost {
		return "", nil, newError("InvalidAction", "The method is %s, this server answers POST.", r.Method)
	}
	name, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), targetPrefix)
	if !ok || !strings.HasPrefix(r.Header.Get("Content-Type"), contentType) {
		return "", nil, newError("InvalidAction", "This is not a request of the AWS JSON 1.0 protocol: "+
			"it needs the header X-Amz-Target: %sOPERATION and the Content-Type %s.", targetPrefix, contentType)
	}
	body, err = io.ReadAll(io.LimitReader(r.Body, maxRequestBytes+1))
	if err != nil {
		return name, nil, errSerialization("the request ended early")
	}
	if len(body) > maxRequestBytes {
		return name, nil, newError("RequestEntityTooLarge", "The request is longer than %d bytes.", maxRequestBytes)
	}
	return name, body, nil
}

// newCall reads a request into a call that is ready to be made.
func (a *account) newCall(r *http.Request) (*call, error) {
	name, body, err := readRequest(r)
	if err != nil {
		return &call{name: name}, err
	}
	decode, ok := operationNamed(name)
	if !ok {
		return &call{name: name, body: body}, newError("UnknownOperationException", "The operation is not known to this server.")
	}
	c, err := decode(a, body)
	if err != nil {
		return &call{name: name, body: body}, err
	}
	c.name, c.body = name, body
	return c, nil
}
