package taskhawktest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/taskhawktest"
)

type welcomeArgs struct{ Email string }

// SendWelcome is a task as a program declares it.
var SendWelcome = taskhawk.New("tasks.send_welcome", func(context.Context, welcomeArgs) error { return nil })

// signUp is the code under test.
func signUp(ctx context.Context, email string) error {
	_, err := SendWelcome.Dispatch(ctx, welcomeArgs{Email: email}, taskhawk.WithPriority(taskhawk.High))
	return err
}

func ExampleRecord() {
	test := func(t testing.TB) { // func TestSignUp(t *testing.T) {
		t.Helper()
		ctx, recorder := taskhawktest.Record(t)
		if err := signUp(ctx, "ann@example.com"); err != nil {
			t.Fatal(err)
		}
		fmt.Println(taskhawktest.Dispatched(t, recorder, SendWelcome))
		fmt.Println(recorder.Outgoing()[0].Priority)

		recorder.Fail(errors.New("the queue is down"))
		fmt.Println(signUp(ctx, "ben@example.com"))
	}
	test(&fatalT{})
	// Output:
	// [{ann@example.com}]
	// high
	// taskhawk: dispatch tasks.send_welcome: the queue is down
}

func ExampleMemory() {
	// In a test inside synctest.Test, visibility timeouts and long polls of any length take no time.
	memory := taskhawktest.NewMemory(taskhawktest.MemoryConfig{WaitTime: 10 * time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	flaky := taskhawk.New("tasks.flaky", func(ctx context.Context, _ struct{}) error {
		if attempt := taskhawk.MetadataFrom(ctx).Attempt; attempt < 3 {
			fmt.Println("attempt", attempt, "fails")
			return taskhawk.RetryAfter(0, errDown)
		}
		fmt.Println("the third succeeds")
		cancel()
		return nil
	})
	hub, err := taskhawk.NewHub(taskhawk.Config{Publisher: memory, Tasks: []taskhawk.AnyTask{flaky}})
	if err != nil {
		fmt.Println(err)
	}
	worker, err := taskhawk.NewWorker(hub, memory.Queues(), taskhawk.WorkerConfig{})
	if err != nil {
		fmt.Println(err)
	}
	if _, err := flaky.Dispatch(ctx, struct{}{}); err != nil {
		fmt.Println(err)
	}
	fmt.Println(worker.Run(ctx))
	left, _ := memory.Depth(taskhawk.Default)
	fmt.Println(left, "messages left")
	// Output:
	// attempt 1 fails
	// attempt 2 fails
	// the third succeeds
	// <nil>
	// 0 messages left
}
