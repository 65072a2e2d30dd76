package questions_test

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/taskhawk/taskhawk-go/examples/questions/local"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

type exportArgs struct{ Tenant string }

// How do I keep one tenant from holding up all the others? On a standard queue the group
// names the tenant. SQS puts messages of tenants that have much in flight behind those of
// the others (fair queues); it does not order them.
func Example_fairTenants() {
	client, stop := local.Queues(nil, "dev-exports")
	defer stop()
	const many = 1000
	var large atomic.Int32
	started, sent, ahead := make(chan bool, many), make(chan bool), make(chan int32, 1)
	export := taskhawk.New("exports.run", func(_ context.Context, args exportArgs) error {
		if args.Tenant == "small" {
			ahead <- large.Load()
			return nil
		}
		started <- true
		<-sent // a slow export: it ends when the other tenant has come
		large.Add(1)
		return nil
	})
	hub := local.Hub(client, "dev-exports", nil, export)

	ctx := context.Background()
	of := func(tenant string) *taskhawk.Task[exportArgs] { return export.With(taskhawk.WithGroup(tenant)) }
	if _, err := of("large").DispatchAll(ctx, make([]exportArgs, many)); err != nil {
		fmt.Println(err)
	}
	defer local.Work(client, "dev-exports", hub, sqsx.WorkerConfig{Concurrency: 40})()
	<-started
	if _, err := of("small").Dispatch(ctx, exportArgs{"small"}); err != nil {
		fmt.Println(err)
	}
	close(sent)
	fmt.Println("the small tenant waited for half of the large one:", <-ahead >= many/2)
	// Output:
	// the small tenant waited for half of the large one: false
}
