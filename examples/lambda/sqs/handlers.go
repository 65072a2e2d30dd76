package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/taskhawk/taskhawk-go/examples/lambda/tasks"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// handlers are the handlers, with what they need: here a logger only.
type handlers struct{ logger *slog.Logger }

// limit is the most that a card is charged.
const limit = 100_000

var (
	errOverLimit = errors.New("more than the card allows")
	errTryAgain  = errors.New("the mail server asks to come back later")
)

// chargeCard knows a failure for which no retry helps: the message goes to the
// dead-letter queue at once, with the reason.
func (h handlers) chargeCard(ctx context.Context, args tasks.ChargeCardArgs) error {
	if args.Cents > limit {
		return taskhawk.Permanent(errOverLimit)
	}
	h.logger.InfoContext(ctx, "charged", "order", args.OrderID, "cents", args.Cents)
	return nil
}

// sendReceipt knows how long to wait: some mail servers turn down the first attempt of a
// sender they do not know.
func (h handlers) sendReceipt(ctx context.Context, args tasks.SendReceiptArgs) error {
	attempt := taskhawk.MetadataFrom(ctx).Attempt
	if attempt == 1 && strings.HasSuffix(args.Email, "@slow.example") {
		return taskhawk.RetryAfter(time.Second, errTryAgain)
	}
	h.logger.InfoContext(ctx, "sent a receipt", "order", args.OrderID, "attempt", attempt)
	return nil
}
