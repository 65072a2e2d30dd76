package faults_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// echo answers deletes and changes of visibility with an error whose text repeats the
// receipt handles of the request, each on its own line, as SQS does with that of a
// single request.
type echo struct {
	sqs.HTTPClient

	operation string
	left      atomic.Int64 // how often it will
}

// Do makes the request, or echoes it.
func (e *echo) Do(request *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(request.Header.Get("X-Amz-Target"), e.operation) || e.left.Add(-1) < 0 {
		return e.HTTPClient.Do(request)
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	text := "The receipt handles are invalid:"
	for _, match := range regexp.MustCompile(`"ReceiptHandle":"([^"]+)"`).FindAllSubmatch(body, -1) {
		text += "\r\n" + string(match[1])
	}
	answer, err := json.Marshal(map[string]string{"__type": "com.amazonaws.sqs#ReceiptHandleIsInvalid", "message": text})
	return &http.Response{
		StatusCode: http.StatusBadRequest, Request: request, Body: io.NopCloser(bytes.NewReader(answer)),
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
	}, err
}

func TestT52ReceiptHandlesInErrors(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{sqstest.OpDeleteMessageBatch, sqstest.OpChangeMessageVisibilityBatch} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			var loud *echo
			s := setup{
				What: "SQS repeats secrets in its errors, and raw line breaks",
				Client: func(o *sqs.Options) {
					loud = &echo{HTTPClient: o.HTTPClient, operation: operation}
					o.HTTPClient = loud
				},
				Handle: func(ctx context.Context, n int) error {
					if n%2 == 0 && taskhawk.MetadataFrom(ctx).Attempt == 1 {
						return errFault
					}
					return nil
				},
			}
			inBubble(t, s, func(r *env) {
				loud.left.Store(1)
				w := r.start(onlyDefault())
				r.fill(40)
				r.drain(10 * time.Minute)
				w.stop()
				require.Negative(r, loud.left.Load())
				failures := r.sink.lines("settling failed; message will be delivered again")
				require.NotEmpty(r, failures)
				for _, line := range failures {
					require.Contains(r, line.Attrs["error"], "The receipt handles are invalid: (receipt handle)")
				}
				r.Check(want{Duplicates: 40})
			})
		})
	}
}

// The password of a proxy can be in the address of the endpoint.
func TestT52PasswordInTheEndpoint(t *testing.T) {
	t.Parallel()
	s := setup{What: "a password in the endpoint", Client: func(o *sqs.Options) {
		o.BaseEndpoint = aws.String(strings.Replace(*o.BaseEndpoint, "http://", "http://user:"+canaryKey+"@", 1))
	}}
	inBubble(t, s, func(r *env) {
		w := r.start(sqsx.WorkerConfig{})
		time.Sleep(time.Second)
		r.server.Inject(sqstest.Fault{Do: sqstest.Reset()})
		for n := range 5 {
			_, err := r.tryDispatch(n)
			require.Error(r, err)
		}
		time.Sleep(10 * time.Minute)
		r.server.Heal()
		w.stop()
		require.NotEmpty(r, r.sink.lines("receive failed; retrying"))
		r.Check(want{})
	})
}

// strictArgs are arguments that many values do not fit.
type strictArgs struct {
	Age   int8   `validate:"min=0"`
	Token string `validate:"max=3"`
}

// Arguments that carry a secret where none fits: the error says what is wrong, and not
// with what.
func TestT52ArgumentsInErrors(t *testing.T) {
	t.Parallel()
	var strict *taskhawk.Task[strictArgs]
	tasks := func(r *env) []taskhawk.AnyTask {
		strict = taskhawk.New("tests.strict", instrument(r, func(context.Context, strictArgs) error {
			panic(canaryArgument)
		}))
		return []taskhawk.AnyTask{strict}
	}
	secret := `"` + canaryArgument + `"`
	bodies := []string{
		`"args":[` + secret + `,"t"],"kwargs":{}`,
		`"args":[1,` + secret + `],"kwargs":{}`,
		`"args":[1,{"a":` + secret + `}],"kwargs":{}`,
		`"args":[1,"t",` + secret + `],"kwargs":{}`,
		`"args":[1],"kwargs":{"token":[` + secret + `]}`,
		`"args":[1,"t"],"kwargs":{"other":` + secret + `}`,
		`"args":[1,"t"],"kwargs":{"token":` + secret + `}`,
		`"args":[1,"t"],"kwargs":{"token":` + secret,
		`"args":` + secret + `,"kwargs":{}`,
		`"args":[1,"t"],"kwargs":{},"headers":` + secret,
		`"args":[1,"t"],"kwargs":{}`,
	}
	s := setup{What: "secrets in arguments that do not fit", Tasks: tasks, Provision: sqsx.ProvisionConfig{MaxReceiveCount: 2}}
	inBubble(t, s, func(r *env) {
		for i, body := range bodies {
			r.raw(taskhawk.Default, fmt.Sprintf(
				`{"id":"i%d","metadata":{"priority":"high","timestamp":1,"version":"1.0"},"task":"tests.strict",%s}`, i, body))
		}
		_, err := strict.Dispatch(r.Context(), strictArgs{Token: canaryArgument})
		require.Error(r, err)
		r.sink.failure(err)
		w := r.start(sqsx.WorkerConfig{})
		r.drain(10 * time.Minute)
		w.stop()
		require.Len(r, r.sink.lines("task failed; will be retried"), len(bodies))
		require.Len(r, r.sink.lines("task failed at its last attempt; becomes a dead letter"), len(bodies))
		r.Check(want{Dead: len(bodies), Stranded: len(bodies)})
	})
}
