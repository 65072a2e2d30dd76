package main

import (
	"context"
	"log/slog"

	"github.com/taskhawk/taskhawk-go/examples/lambda/tasks"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// handlers are the handlers, with what they need: here a logger only.
type handlers struct{ logger *slog.Logger }

// placeOrder dispatches what the order needs. When one of the two fails, Lambda runs it
// again, and SNS may do so without a failure: the ids of the tasks are the same then, so
// that their handlers can tell.
func (h handlers) placeOrder(ctx context.Context, args tasks.PlaceOrderArgs) error {
	id := taskhawk.MetadataFrom(ctx).ID
	charge := tasks.ChargeCardArgs{OrderID: args.OrderID, Cents: args.Cents}
	if _, err := tasks.ChargeCard.Dispatch(ctx, charge, taskhawk.WithID(id+"-charge")); err != nil {
		return err
	}
	receipt := tasks.SendReceiptArgs{OrderID: args.OrderID, Email: args.Email}
	if _, err := tasks.SendReceipt.Dispatch(ctx, receipt, taskhawk.WithID(id+"-receipt")); err != nil {
		return err
	}
	h.logger.InfoContext(ctx, "placed", "order", args.OrderID)
	return nil
}
