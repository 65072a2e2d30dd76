package lambdatest

import (
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Headers of the Runtime API, for WithHeader.
const (
	HeaderRequestID   = "Lambda-Runtime-Aws-Request-Id"
	HeaderDeadline    = "Lambda-Runtime-Deadline-Ms"
	HeaderFunctionARN = "Lambda-Runtime-Invoked-Function-Arn"
	HeaderTraceID     = "Lambda-Runtime-Trace-Id"
)

// InvokeOption changes one invocation.
type InvokeOption func(*invocation)

// WithTimeout gives the invocation a timeout other than Config.Timeout, and the deadline
// in its headers.
func WithTimeout(limit time.Duration) InvokeOption {
	return func(i *invocation) { i.timeout = limit }
}

// WithRequestID sets the id of the invocation. It must differ from the ids of running
// invocations. Default: random.
func WithRequestID(id string) InvokeOption {
	return func(i *invocation) { i.id = id }
}

// WithHeader replaces a header that the runtime gets, such as HeaderDeadline:
// milliseconds since 1970. With an empty value the header is missing. It does not change
// when the process is killed.
func WithHeader(name, value string) InvokeOption {
	return func(i *invocation) { i.headers[name] = value }
}

// invocation is one event on its way through the function.
type invocation struct {
	id      string
	payload []byte
	timeout time.Duration
	headers map[string]string // other than Lambda's

	began  time.Time   // when the runtime took it
	killer *time.Timer // ends it when the timeout is over
	once   sync.Once
	result chan Result // has room for the one result
}

func newInvocation(payload []byte, timeout time.Duration, options []InvokeOption) *invocation {
	i := &invocation{
		id: newID(), payload: payload, timeout: timeout, headers: map[string]string{}, result: make(chan Result, 1),
	}
	for _, option := range options {
		option(i)
	}
	return i
}

// newID returns a random UUID, version 4.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// begin starts the clock. After the timeout it calls late.
func (i *invocation) begin(late func()) {
	i.began = time.Now()
	i.killer = time.AfterFunc(i.timeout, late)
}

// announce sets the headers that describe the invocation to the runtime.
func (i *invocation) announce(header http.Header, functionARN string) {
	set := map[string]string{
		HeaderRequestID:   i.id,
		HeaderDeadline:    strconv.FormatInt(i.began.Add(i.timeout).UnixMilli(), 10),
		HeaderFunctionARN: functionARN,
		HeaderTraceID:     "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0",
	}
	maps.Copy(set, i.headers)
	for name, value := range set {
		if value != "" {
			header.Set(name, value)
		}
	}
	header.Set("Content-Type", "application/json")
}

// end gives the caller the result. Only the first call counts; end reports whether this
// was it.
func (i *invocation) end(response []byte, failure *FunctionError) bool {
	first := false
	i.once.Do(func() {
		first = true
		result := Result{RequestID: i.id, Response: response, Error: failure}
		if i.killer != nil {
			i.killer.Stop()
			result.Duration = time.Since(i.began)
			result.Left = max(0, i.timeout-result.Duration)
		}
		i.result <- result
	})
	return first
}
