package questions_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/taskhawk/taskhawk-go/examples/questions/local"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

type pushArgs struct{ Contact int }

// pushContact maps the answer of the API to an outcome of the task.
func pushContact(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		return taskhawk.Permanent(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return taskhawk.Retry(err) // expected now and then: the worker's backoff, and no error in the log
	}
	defer func() { _ = res.Body.Close() }()
	switch {
	case res.StatusCode == http.StatusTooManyRequests:
		seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
		if err != nil {
			return taskhawk.Retry(errors.New("too many requests"))
		}
		// The message is invisible until then, and holds no place in the worker.
		return taskhawk.RetryAfter(time.Duration(seconds)*time.Second, errors.New("too many requests"))
	case res.StatusCode >= http.StatusInternalServerError:
		return taskhawk.Retry(fmt.Errorf("status %d", res.StatusCode))
	case res.StatusCode >= http.StatusBadRequest:
		return taskhawk.Permanent(fmt.Errorf("status %d", res.StatusCode)) // a dead letter: no retry will help
	}
	return nil
}

// How do I retry when an API limits my rate? Return RetryAfter with the time that the API
// asks for.
func Example_rateLimitedAPI() {
	client, stop := local.Queues(nil, "dev-crm")
	defer stop()
	var calls atomic.Int32
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}))
	defer api.Close()
	done := make(chan int)
	push := taskhawk.New("crm.push", func(ctx context.Context, _ pushArgs) error {
		err := pushContact(ctx, api.URL)
		if err == nil {
			done <- taskhawk.MetadataFrom(ctx).Attempt
		}
		return err
	})
	hub := local.Hub(client, "dev-crm", nil, push)
	if _, err := push.Dispatch(context.Background(), pushArgs{17}); err != nil {
		fmt.Println(err)
	}
	defer local.Work(client, "dev-crm", hub, sqsx.WorkerConfig{})()
	fmt.Println("done at attempt", <-done)
	// Output:
	// done at attempt 2
}
