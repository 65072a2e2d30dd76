package awsbatch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
)

// answered is an error as the SDK gives it for an answer with that status.
func answered(status int, err error) error {
	return &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: err,
	}}
}

// modeled is an error of a type that the API has. The SDK retries one with the status 429
// only if it knows the code.
type modeled struct{ smithy.GenericAPIError }

func TestClassification(t *testing.T) {
	t.Parallel()
	api := func(code string) error { return &smithy.GenericAPIError{Code: code} }
	for name, c := range map[string]struct {
		err                 error
		retryable, doubtful bool
	}{
		"throttled":               {answered(400, api("ThrottlingException")), true, false},
		"throttled by KMS in SQS": {answered(400, api("KMS.ThrottlingException")), true, false},
		"throttled by KMS in SNS": {answered(400, api("KMSThrottling")), true, false},
		"too many requests":       {answered(429, errors.New("html")), true, true},
		"throttled, unknown code": {answered(429, api("Odd")), true, false},
		"throttled, modeled":      {answered(429, &modeled{smithy.GenericAPIError{Code: "Odd"}}), true, false},
		"too large for a proxy":   {answered(413, errors.New("html")), false, false},
		"too large for SQS":       {answered(400, api("BatchRequestTooLong")), false, false},
		"the clock is wrong":      {answered(403, api("RequestTimeTooSkewed")), true, false},
		"no permission":           {answered(403, api("AuthorizationError")), false, false},
		"not there":               {answered(404, api("NotFound")), false, false},
		"internal error":          {answered(500, api("InternalError")), true, true},
		"a gateway":               {answered(503, errors.New("html")), true, true},
		"no answer for an entry":  {awsbatch.ErrNoAnswer, true, true},
		"refused entry":           {entryError("InvalidParameter", smithy.FaultClient), false, false},
		"throttled entry":         {entryError("KMSThrottling", smithy.FaultClient), true, false},
		"entry, internal error":   {entryError("InternalError", smithy.FaultServer), true, true},
		"entry, server throttles": {entryError("ThrottlingException", smithy.FaultServer), true, false},
		"entry, SNS throttles":    {entryError("Throttled", smithy.FaultServer), true, false},
		"entry, KMS throttles":    {entryError("KMS.ThrottlingException", smithy.FaultServer), true, false},
		"connection refused":      {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true, false},
		"connection reset":        {&net.OpError{Op: "read", Err: syscall.ECONNRESET}, true, true},
		"answer that ends early":  {fmt.Errorf("read: %w", io.ErrUnexpectedEOF), true, true},
		"deadline":                {context.DeadlineExceeded, true, true},
		"cancelled by its caller": {context.Canceled, false, true},
		"of a client of the user": {&smithy.OperationError{Err: errors.New("odd")}, true, true},
	} {
		require.Equal(t, c.retryable, awsbatch.Retryable(c.err), name)
		require.Equal(t, c.doubtful, awsbatch.Doubtful(c.err), name)
	}
}
