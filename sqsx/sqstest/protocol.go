package sqstest

import (
	"net/http"
	"strings"
)

// protocol is how the requests of a service are written, and its answers.
type protocol interface {
	// operation is the name of the operation that is asked for.
	operation(r *http.Request, body []byte) (string, error)
	// find finds an operation, nil for one that the server does not know.
	find(name string) operation
	// unknown is the code for an operation that the server does not know.
	unknown() string
	// decode reads the input of an operation into a pointer to a struct.
	decode(body []byte, into any) error
	// answer writes what an operation returned.
	answer(name string, out any) *reply
	// refusal writes an error.
	refusal(err *apiError) *reply
}

// protocolOf tells the services apart: SNS takes forms, SQS takes JSON.
func protocolOf(r *http.Request) protocol {
	if strings.HasPrefix(r.Header.Get("Content-Type"), formType) {
		return queryProtocol{}
	}
	return jsonProtocol{}
}
