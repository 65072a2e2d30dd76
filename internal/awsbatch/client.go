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

// Shield keeps the SDK from closing the body of a request before net/http has read it to
// its end. The SDK closes the body when the answer arrives. If net/http then still reads
// the body, it closes the connection, and the next request on that connection fails with
// "use of closed network connection". The body is in memory, so nothing stays open.
func Shield(client HTTPClient) HTTPClient { return shielded{client} }

type shielded struct{ client HTTPClient }

// Do makes the request. It replaces the body in req, since the SDK closes req.Body.
func (s shielded) Do(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		req.Body = io.NopCloser(req.Body)
	}
	return s.client.Do(req)
}
