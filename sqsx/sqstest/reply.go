package sqstest

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// reply is the answer to one request, and how it is put on the wire.
type reply struct {
	status int
	header http.Header
	body   []byte
	err    error // the exchange ended without an answer
	wire
}

func newReply(status int, contentType string, body []byte, err error) *reply {
	r := &reply{status: status, header: http.Header{}, body: body, err: err}
	r.header.Set("Content-Type", contentType)
	r.header.Set("X-Amzn-Requestid", newID())
	r.header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	return r
}

// asAPIError is err as an error of the service.
func asAPIError(err error) *apiError {
	if api, ok := errors.AsType[*apiError](err); ok {
		return api
	}
	return newError("InternalError", "%v", err)
}

// write sends the answer over a connection.
func (r *reply) write(w http.ResponseWriter, pause func(time.Duration) error) {
	switch {
	case r.reset:
		resetConnection(w)
		return
	case r.err != nil:
		panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's way to end the connection without an answer
	}
	maps.Copy(w.Header(), r.header)
	w.Header().Set("Content-Length", strconv.Itoa(r.length()))
	w.WriteHeader(r.status)
	if !r.copyTo(w, pause) {
		panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's way to end the connection early
	}
}

// copyTo sends the body; it is false when it ended early.
func (r *reply) copyTo(w http.ResponseWriter, pause func(time.Duration) error) bool {
	if r.drip == 0 && !r.isCut {
		_, err := io.Copy(w, r.reader(pause))
		return err == nil
	}
	body, flusher := r.reader(pause), http.NewResponseController(w)
	buffer := make([]byte, 4096)
	for {
		n, err := body.Read(buffer)
		if _, failed := w.Write(buffer[:n]); failed != nil {
			return false
		}
		_ = flusher.Flush() // a writer that cannot flush sends the bytes later
		if err != nil {
			return err == io.EOF
		}
	}
}

// response is the answer as a client's transport gives it, or its error.
func (r *reply) response(req *http.Request, pause func(time.Duration) error) (*http.Response, error) {
	switch {
	case r.reset:
		return nil, connectionError("read", "read", syscall.ECONNRESET)
	case r.err != nil:
		return nil, r.err
	}
	r.header.Set("Content-Length", strconv.Itoa(r.length()))
	return &http.Response{
		Status: strconv.Itoa(r.status) + " " + http.StatusText(r.status), StatusCode: r.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: r.header, ContentLength: int64(r.length()), Body: io.NopCloser(r.reader(pause)),
	}, nil
}
