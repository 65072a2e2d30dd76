package questions_test

import (
	"context"
	"fmt"

	"github.com/taskhawk/taskhawk-go/examples/questions/local"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

type (
	invoiceArgs struct{ Order int }
	noticeArgs  struct{ To string }
)

// How does one application dispatch tasks of another? It has a hub for each: a task goes
// to the application whose hub it is registered with. Inside a handler the hub of the
// handler would be asked first, which does not know the task: so name the other.
func Example_twoApplications() {
	client, stop := local.Queues(nil, "dev-billing", "dev-mailer")
	defer stop()
	done := make(chan bool)

	// The mailer's worker, a program of another team.
	theirs := taskhawk.New("mailer.notice", func(_ context.Context, args noticeArgs) error {
		fmt.Println("mailer: a notice to", args.To)
		done <- true
		return nil
	})
	defer local.Work(client, "dev-mailer", local.Hub(client, "dev-mailer", nil, theirs), sqsx.WorkerConfig{})()

	// Billing declares the task by name and arguments, without a handler.
	notice := taskhawk.New[noticeArgs]("mailer.notice", nil)
	mailer := local.Hub(client, "dev-mailer", nil, notice)
	invoice := taskhawk.New("billing.invoice", func(ctx context.Context, args invoiceArgs) error {
		fmt.Println("billing: an invoice for order", args.Order)
		_, err := notice.Dispatch(taskhawk.ContextWithHub(ctx, mailer), noticeArgs{To: "ann"})
		return err
	})
	billing := local.Hub(client, "dev-billing", nil, invoice)
	defer local.Work(client, "dev-billing", billing, sqsx.WorkerConfig{})()
	if _, err := invoice.Dispatch(context.Background(), invoiceArgs{Order: 17}); err != nil {
		fmt.Println(err)
	}
	<-done
	// Output:
	// billing: an invoice for order 17
	// mailer: a notice to ann
}
