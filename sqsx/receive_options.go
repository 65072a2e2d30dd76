package sqsx

import (
	"crypto/md5" //nolint:gosec // the checksum that SQS sends, not for security
	"encoding/hex"
	"errors"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// maxResponse is how much of an answer is read, in bytes: ten messages of 1 MiB, written with escapes, and then some. The SDK would
// read whatever comes.
const maxResponse = 64 << 20

// receiveOptions are the settings of a receive: one attempt, since the loop has its own backoff; no check of all bodies
// together, which would drop nine good messages with a bad one; and no more than maxResponse bytes.
func receiveOptions(o *sqs.Options) {
	once(o)
	o.DisableMessageChecksumValidation = true
	o.HTTPClient = boundedClient{o.HTTPClient}
}

// intact checks the MD5 of the body, where there is one.
func intact(message types.Message) bool {
	if message.MD5OfBody == nil {
		return true
	}
	sum := md5.Sum([]byte(aws.ToString(message.Body))) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:]) == *message.MD5OfBody
}

// boundedClient bounds the bodies of responses. One that announces its length, as those of SQS do, is not even begun.
type boundedClient struct{ sqs.HTTPClient }

// Do makes the request.
func (c boundedClient) Do(req *http.Request) (*http.Response, error) {
	response, err := c.HTTPClient.Do(req)
	if err != nil || response.Body == nil {
		return response, err //nolint:wrapcheck // what the client below says is all there is to say
	}
	if response.ContentLength > maxResponse {
		_ = response.Body.Close() // the answer is refused whatever that says
		return nil, errTooLarge
	}
	response.Body = &boundedBody{ReadCloser: response.Body, left: maxResponse}
	return response, nil
}

// errTooLarge is the error of reading on behind the bound.
var errTooLarge = errors.New("the answer of SQS is larger than 64 MiB")

type boundedBody struct {
	io.ReadCloser
	left int
}

// Read reads within the bound.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLarge
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
