package sqstest

import (
	"io"
	"net/http"
)

// maxRequestBytes bounds what is read of a request: a batch of 1 MiB whose
// every byte is escaped, in JSON or in a form.
const maxRequestBytes = 8 << 20

// readBody reads the body of a request.
func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequestBytes+1))
	if err != nil {
		return nil, errSerialization("the request ended early")
	}
	if len(body) > maxRequestBytes {
		return nil, newError("RequestEntityTooLarge", "The request is longer than %d bytes.", maxRequestBytes)
	}
	return body, nil
}

// newCall reads a request into a call that is ready to be made. The call has a
// protocol even when there is an error.
func (a *account) newCall(r *http.Request) (*call, error) {
	c := &call{protocol: protocolOf(r)}
	if r.Method != http.MethodPost {
		return c, newError("InvalidAction", "The method is %s, this server answers POST.", r.Method)
	}
	body, unread := readBody(r)
	name, err := c.protocol.operation(r, body)
	c.name, c.body = name, body
	if unread != nil {
		return c, unread
	}
	if err != nil {
		return c, err
	}
	prepare := c.protocol.find(c.name)
	if prepare == nil {
		return c, newError(c.protocol.unknown(), "The operation is not known to this server.")
	}
	return c, prepare(a, c)
}
