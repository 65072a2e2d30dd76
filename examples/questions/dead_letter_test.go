package questions_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/taskhawk/taskhawk-go/examples/questions/local"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

type payoutArgs struct{ IBAN string }

// What happens to a task that cannot succeed, and how does it come back? Permanent puts it
// on the dead-letter queue at once, with the reason. DeadLetters looks at what is there,
// Redrive moves it back when the cause is mended.
func Example_deadLettersLife() {
	client, stop := local.Queues(nil, "dev-payouts")
	defer stop()
	var bank atomic.Bool
	done := make(chan bool)
	payout := taskhawk.New("payouts.send", func(_ context.Context, _ payoutArgs) error {
		if !bank.Load() {
			return taskhawk.Permanent(errors.New("the bank knows no such account"))
		}
		done <- true
		return nil
	})
	hub := local.Hub(client, "dev-payouts", nil, payout)
	ctx := context.Background()
	if _, err := payout.Dispatch(ctx, payoutArgs{IBAN: "DE02"}); err != nil {
		fmt.Println(err)
	}
	defer local.Work(client, "dev-payouts", hub, sqsx.WorkerConfig{})()

	look, letters := sqsx.DeadLettersConfig{Priorities: []taskhawk.Priority{taskhawk.Default}}, 0
	for letters == 0 { // until the task has failed
		for letter, err := range sqsx.DeadLetters(ctx, client, "dev-payouts", look) {
			if err != nil {
				fmt.Println(err)
				return
			}
			letters++
			fmt.Printf("dead: %s at attempt %d: %s\n", letter.Task, letter.Attempt, letter.Reason)
		}
	}
	bank.Store(true) // mended
	report, err := sqsx.Redrive(ctx, client, "dev-payouts", sqsx.RedriveConfig{Tasks: []string{"payouts.send"}})
	fmt.Println("moved back:", report.Total(), err)
	<-done
	fmt.Println("paid")
	// Output:
	// dead: payouts.send at attempt 1: the bank knows no such account
	// moved back: 1 <nil>
	// paid
}
