package awsbatch

import (
	"io"
	"net/http"
)

// HTTPClient is the interface by which the SDK sends requests.
type HTTPClient interface {
	// Do makes a request, as http.Client has it.
	Do(req *http.Request) (*http.Response, error)
}

// Shield keeps the SDK from closing the body of a request before it is written. The SDK
// closes it when the answer is there, and net/http may still look for the end of the body
// then: it gives the connection up, with "use of closed network connection" for what
// comes next on it. The body is in memory, so that nothing is left open.
func Shield(client HTTPClient) HTTPClient { return shielded{client} }

type shielded struct{ client HTTPClient }

// Do makes the request. It replaces the body in place, since the SDK closes what stands
// there.
func (s shielded) Do(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		req.Body = io.NopCloser(req.Body)
	}
	return s.client.Do(req)
}
