package questions_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

type paymentArgs struct{ Order int }

// ledger stands for a table with a unique key on the id of the run. In SQL, insert and
// charge belong to one transaction.
type ledger struct {
	mu   sync.Mutex
	runs map[string]bool
}

// first reports whether the run is new.
func (l *ledger) first(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.runs[id] {
		return false
	}
	l.runs[id] = true
	return true
}

// How do I handle a task once, though SQS delivers at least once? Remember the id of the
// run where the work itself is remembered.
func Example_onceByID() {
	done := &ledger{runs: map[string]bool{}}
	charge := taskhawk.New("payments.charge", func(ctx context.Context, args paymentArgs) error {
		if !done.first(taskhawk.MetadataFrom(ctx).ID) {
			fmt.Println("seen before")
			return nil
		}
		fmt.Println("charged order", args.Order)
		return nil
	})
	// Sync runs the task within Dispatch: no queue is needed to see what a handler does.
	hub, err := taskhawk.NewHub(taskhawk.Config{Sync: true, Tasks: []taskhawk.AnyTask{charge}})
	if err != nil {
		fmt.Println(err)
	}
	ctx := taskhawk.ContextWithHub(context.Background(), hub)
	for range 2 {
		if _, err := charge.Dispatch(ctx, paymentArgs{Order: 17}, taskhawk.WithID("order-17")); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// charged order 17
	// seen before
}
