// Command function is a Lambda function that does what its event says, for the tests of
// package lambdatest.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Do   string
	With json.RawMessage
	Meet int32 // how many invocations have to be under way before one answers
}

func main() {
	switch os.Getenv("MODE") {
	case "never ready":
		time.Sleep(time.Hour)
	case "exits":
		os.Exit(4)
	case "init error":
		post("http://"+os.Getenv("AWS_LAMBDA_RUNTIME_API")+"/2018-06-01/runtime/init/error", `{"errorType":"Config","errorMessage":"no database"}`)
		os.Exit(1)
	case "raw":
		raw()
	case "SIGTERM":
		lambda.StartWithOptions(handle, lambda.WithEnableSIGTERM(func() {
			fmt.Println("told to end")
			if os.Getenv("STUBBORN") == "" {
				os.Exit(0)
			}
		}))
	}
	lambda.Start(handle)
}

var under atomic.Int32

func handle(ctx context.Context, e event) (any, error) {
	under.Add(1)
	for e.Meet > 0 && under.Load() < e.Meet {
		time.Sleep(time.Millisecond)
	}
	fmt.Println("asked to", e.Do)
	switch e.Do {
	case "answer":
		return e.With, nil
	case "fail":
		return nil, errors.New("no luck")
	case "panic":
		panic("boom")
	case "goexit":
		runtime.Goexit()
	case "exit":
		os.Exit(3)
	case "hang":
		time.Sleep(time.Hour)
	case "big":
		return strings.Repeat("x", 7<<20), nil
	case "break":
		return io.MultiReader(strings.NewReader("half"), broken{}), nil
	case "describe":
		deadline, _ := ctx.Deadline()
		lc, _ := lambdacontext.FromContext(ctx)
		return map[string]any{
			"deadline": deadline.UnixMilli(), "left": time.Until(deadline).Milliseconds(), "id": lc.AwsRequestID,
			"arn": lc.InvokedFunctionArn, "trace": os.Getenv("_X_AMZN_TRACE_ID"), "environ": os.Environ(), "process": os.Getpid(),
		}, nil
	}
	return nil, fmt.Errorf("cannot %q", e.Do)
}

// broken is a response that breaks off.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("torn") }

// raw is another runtime that answers for an invocation that was not made, and says
// what it was told.
func raw() {
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API")
	for {
		next, err := http.Get(base + "/2018-06-01/runtime/invocation/next")
		if err != nil {
			return
		}
		told := post(base+"/2018-06-01/runtime/invocation/unknown/response", "{}") +
			post(base+"/2020-01-01/extension/register", "{}")
		post(base+"/2018-06-01/runtime/invocation/"+next.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/response", told)
	}
}

func post(url, body string) string {
	response, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	text, _ := io.ReadAll(response.Body)
	return response.Status + " " + string(text)
}
