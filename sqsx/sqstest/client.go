package sqstest

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// Client returns an SDK client of this server, with static credentials, the
// region us-east-1 and otherwise the SDK's defaults: over the loopback when the
// server is started, in process when it is not. The options come last and win.
func (s *Server) Client(optFns ...func(*sqs.Options)) *sqs.Client {
	client := s.HTTPClient()
	if s.listener != nil {
		client = &http.Client{Transport: s.transport}
	}
	return sqs.New(sqs.Options{
		BaseEndpoint: aws.String(s.URL),
		Region:       region,
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDSQSTEST", "secret", ""),
		HTTPClient:   client,
	}, optFns...)
}

// HTTPClient returns an HTTP client whose every request, whatever its URL, is
// answered by this server in the calling goroutine: no sockets, no goroutines.
// It serves as the HTTPClient of an aws.Config or of sqs.Options.
//
// As with a real connection, a request whose context ends returns that
// context's error at once, also out of a long poll, and what it changed on the
// server stays changed: messages it received stay in flight.
func (s *Server) HTTPClient() *http.Client {
	return &http.Client{Transport: inProcess{s}}
}

// inProcess is the RoundTripper that calls the server.
type inProcess struct{ server *Server }

// RoundTrip answers the request.
func (t inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body == nil {
		req.Body = http.NoBody
	}
	defer req.Body.Close()
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	if t.server.isClosed() {
		return nil, connectionError("dial", "connect", syscall.ECONNREFUSED)
	}
	answer := t.server.exchange(req)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	if answer.err != nil {
		return nil, answer.err
	}
	return answer.response(req), nil
}

// connectionError is the error a TCP connection would give.
func connectionError(op, call string, errno syscall.Errno) error {
	return &net.OpError{Op: op, Net: "tcp", Err: os.NewSyscallError(call, errno)}
}

// response is the answer as a client's transport would give it.
func (r *reply) response(req *http.Request) *http.Response {
	r.header.Set("Content-Length", strconv.Itoa(len(r.body)))
	return &http.Response{
		Status: strconv.Itoa(r.status) + " " + http.StatusText(r.status), StatusCode: r.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.header, ContentLength: int64(len(r.body)), Body: io.NopCloser(bytes.NewReader(r.body)), Request: req,
	}
}
