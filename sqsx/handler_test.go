package sqsx_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestMessageFromGivesTheRawMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var task, count string
		r := newRig(t, func(ctx context.Context, _ int) error {
			message, ok := sqsx.MessageFrom(ctx)
			require.True(t, ok)
			task = *message.MessageAttributes["taskhawk_task"].StringValue
			count = message.Attributes["ApproximateReceiveCount"]
			return nil
		})
		r.dispatch(1)
		r.start(sqsx.WorkerConfig{})
		synctest.Wait()
		r.stop()
		require.Equal(t, "tests.number", task)
		require.Equal(t, "1", count)
		_, ok := sqsx.MessageFrom(t.Context())
		require.False(t, ok)
	})
}

func TestExtendVisibility(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var starts int
		var late, tooLong error
		r := newRig(t, func(ctx context.Context, _ int) error {
			starts++
			for range 3 {
				require.NoError(t, taskhawk.ExtendVisibility(ctx, time.Hour))
				time.Sleep(59 * time.Minute)
			}
			tooLong = taskhawk.ExtendVisibility(ctx, 13*time.Hour)
			late = taskhawk.ExtendVisibility(ctx, 12*time.Hour)
			return nil
		})
		r.dispatch(1)
		r.start(sqsx.WorkerConfig{})
		time.Sleep(4 * time.Hour)
		r.stop()
		require.Equal(t, 1, starts, "though the visibility timeout is 30 s")
		require.ErrorContains(t, tooLong, "SQS takes 0 to 12h0m0s")
		require.ErrorContains(t, late, "queue TASKHAWK-DEV-MYAPP", "SQS counts 12 h from the receive")
		r.requireEmpty()
	})
}

func TestVisibilityTimeoutOfTheWorker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var starts int
		r := newRig(t, func(context.Context, int) error {
			starts++
			time.Sleep(time.Hour)
			return nil
		})
		r.dispatch(1)
		r.start(sqsx.WorkerConfig{VisibilityTimeout: 2 * time.Hour})
		time.Sleep(3 * time.Hour)
		r.stop()
		require.Equal(t, 1, starts)
		r.requireEmpty()
	})
}

func TestReceiptHandleStaysOutOfErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var receipt string
		var err error
		r := newRig(t, func(ctx context.Context, _ int) error {
			d := taskhawk.DeliveryFrom(ctx)
			broken := *d
			broken.Receipt = "not-a-receipt-handle"
			receipt = broken.Receipt
			err = d.Settler.SetVisibility(ctx, &broken, time.Minute)
			return nil
		})
		r.dispatch(1)
		r.start(sqsx.WorkerConfig{})
		synctest.Wait()
		r.stop()
		require.Error(t, err)
		require.NotContains(t, err.Error(), receipt)
		require.NotContains(t, err.Error(), "\n")
	})
}
