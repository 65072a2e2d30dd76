package sqstest

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"
)

const contentType = "application/x-amz-json-1.0"

// reply is the answer to one request, before it is put on a wire.
type reply struct {
	status int
	header http.Header
	body   []byte
	err    error // the exchange ended without an answer: the client is gone
}

func newReply(status int, body any) *reply {
	r := &reply{status: status, header: http.Header{}}
	r.header.Set("Content-Type", contentType)
	r.header.Set("X-Amzn-Requestid", newID())
	r.header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	r.body, r.err = json.Marshal(body)
	return r
}

// errorBody is the body of an error of the JSON protocol.
type errorBody struct {
	Type    string `json:"__type"`
	Message string `json:"message"`
}

func errorReply(err *apiError) *reply {
	r := newReply(err.httpStatus(), errorBody{Type: "com.amazonaws.sqs#" + err.code, Message: err.message})
	r.header.Set("X-Amzn-Query-Error", err.queryError())
	return r
}

// replyTo is the answer of an operation that returned out and err.
func replyTo(out any, err error) *reply {
	if err == nil {
		return newReply(http.StatusOK, out)
	}
	var api *apiError
	if errors.As(err, &api) {
		return errorReply(api)
	}
	return &reply{err: err}
}

// asAPIError is err as an error of the service.
func asAPIError(err error) *apiError {
	var api *apiError
	if errors.As(err, &api) {
		return api
	}
	return newError("InternalError", "%v", err)
}

// write sends the answer over a connection.
func (r *reply) write(w http.ResponseWriter) {
	if r.err != nil {
		panic(http.ErrAbortHandler) // the way to cut the connection without an answer
	}
	for name, values := range r.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(r.body)))
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body) // a client that has gone away does not matter to a server
}
