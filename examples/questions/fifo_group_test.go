package questions_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/taskhawk/taskhawk-go/examples/questions/local"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

type orderEvent struct {
	Customer string
	Event    string
}

// fifoNames puts the application on FIFO queues.
func fifoNames(app string, priority taskhawk.Priority) string {
	return sqsx.QueueName(app, priority) + ".fifo"
}

// How do I keep the events of one customer in order, and those of different customers
// concurrent? A FIFO queue with the customer as the group: one event of a group runs at a
// time, the next when it is settled.
func Example_fifoGroupPerCustomer() {
	client, stop := local.Queues(fifoNames, "dev-orders")
	defer stop()
	var mu sync.Mutex
	seen, all := map[string][]string{}, sync.WaitGroup{}
	handle := taskhawk.New("orders.event", func(_ context.Context, args orderEvent) error {
		mu.Lock()
		defer mu.Unlock()
		seen[args.Customer] = append(seen[args.Customer], args.Event)
		all.Done()
		return nil
	})
	hub := local.Hub(client, "dev-orders", fifoNames, handle)

	ctx := context.Background()
	for _, event := range []string{"ordered", "paid", "shipped"} {
		for _, customer := range []string{"ann", "ben"} {
			all.Add(1)
			// The group is the unit of order. SQS drops a repeat of the same id within five minutes.
			if _, err := handle.Dispatch(ctx, orderEvent{customer, event}, taskhawk.WithGroup(customer)); err != nil {
				fmt.Println(err)
			}
		}
	}
	defer local.Work(client, "dev-orders", hub, sqsx.WorkerConfig{Naming: fifoNames})()
	all.Wait()
	fmt.Println("ann:", seen["ann"])
	fmt.Println("ben:", seen["ben"])
	// Output:
	// ann: [ordered paid shipped]
	// ben: [ordered paid shipped]
}
