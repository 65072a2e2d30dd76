package sqstest

import (
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// accessKey is the key of the clients that the server makes.
const accessKey = "AKIDSQSTEST"

// Client returns an SDK client of this server's SQS, with static credentials, the
// region us-east-1 and otherwise the SDK's defaults: over the loopback when the
// server is started, in process when it is not. The options come last and win.
func (s *Server) Client(optFns ...func(*sqs.Options)) *sqs.Client {
	return sqs.New(sqs.Options{
		BaseEndpoint: aws.String(s.URL),
		Region:       region,
		Credentials:  credentials.NewStaticCredentialsProvider(accessKey, "secret", ""),
		HTTPClient:   s.ownClient(),
	}, optFns...)
}

// SNSClient returns an SDK client of this server's SNS, as Client does of its SQS.
func (s *Server) SNSClient(optFns ...func(*sns.Options)) *sns.Client {
	return sns.New(sns.Options{
		BaseEndpoint: aws.String(s.URL),
		Region:       region,
		Credentials:  credentials.NewStaticCredentialsProvider(accessKey, "secret", ""),
		HTTPClient:   s.ownClient(),
	}, optFns...)
}

// ownClient calls the server over the loopback when it is started, else in process.
func (s *Server) ownClient() *http.Client {
	if s.listener != nil {
		return &http.Client{Transport: s.transport}
	}
	return s.HTTPClient()
}

// HTTPClient returns an HTTP client whose every request, whatever its URL, is
// answered by this server in the calling goroutine: no sockets, no goroutines.
// It serves as the HTTPClient of an aws.Config, of sqs.Options and of sns.Options.
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
	defer func() { _ = req.Body.Close() }()
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
	pause := func(d time.Duration) error { return t.server.pause(req.Context(), d) }
	return answer.response(req, pause)
}

// connectionError is the error a TCP connection would give.
func connectionError(op, call string, errno syscall.Errno) error {
	return &net.OpError{Op: op, Net: "tcp", Err: os.NewSyscallError(call, errno)}
}
