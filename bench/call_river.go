package bench

import (
	"context"
	"log/slog"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"
)

// riverArgs are smallArgs with the name that river wants.
type riverArgs struct{ smallArgs }

// Kind implements river.JobArgs.
func (riverArgs) Kind() string { return "send_email" }

// riverCalls are a dispatch of riverqueue/river, in a transaction that the caller has. It
// has no way to deliver without a database.
func riverCalls() ([]Call, error) {
	client, err := river.NewClient(driver{}, &river.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	ctx, args := context.Background(), riverArgs{Small().Message.Args}
	return []Call{{Name: "dispatch/small/river", Title: "river, Client.InsertTx", Run: func() error {
		_, err := client.InsertTx(ctx, struct{}{}, args, nil)
		return err
	}}}, nil
}

// driver is a river driver without a database: what an insertion asks of it succeeds, all
// else is missing.
type driver struct {
	riverdriver.Driver[struct{}]
}

// UnwrapExecutor implements riverdriver.Driver.
func (driver) UnwrapExecutor(struct{}) riverdriver.ExecutorTx { return executor{} }

// SupportsListenNotify implements riverdriver.Driver.
func (driver) SupportsListenNotify() bool { return false }

// executor is what a transaction is for the driver.
type executor struct{ riverdriver.ExecutorTx }

// JobInsertFastMany implements riverdriver.Executor.
func (executor) JobInsertFastMany(
	_ context.Context, params *riverdriver.JobInsertFastManyParams,
) ([]*riverdriver.JobInsertFastResult, error) {
	inserted := make([]*riverdriver.JobInsertFastResult, len(params.Jobs))
	for i, job := range params.Jobs {
		inserted[i] = &riverdriver.JobInsertFastResult{
			Job: &rivertype.JobRow{Kind: job.Kind, EncodedArgs: job.EncodedArgs},
		}
	}
	return inserted, nil
}
