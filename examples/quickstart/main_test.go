package main

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAccountTellsEveryStep(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var account bytes.Buffer
	require.NoError(t, run(ctx, &account))
	for _, step := range []string{
		`== Dispatch`,
		`ran tasks.send_email for ann@example.com: priority default, attempt 1, headers map\[\]`,
		`ran tasks.send_email for ben@example.com: priority high, attempt 1, headers map\[request_id:1234\]`,
		`ran tasks.send_email for cy@example.com: priority bulk, .* map\[request_id:5678\], from news@example.com`,
		`not sent at all: .* To breaks email`,
		`== Retry`,
		`tasks.import_feed, attempt 1: .* does not answer`,
		`tasks.import_feed, attempt 2: imported`,
		`== Dead letter`,
		`tasks.charge_card, attempt 1: order 7 cannot be charged`,
		`on TASKHAWK-DEV-MYAPP-HIGH-PRIORITY-DLQ: task tasks.charge_card, reason "the card service is gone"`,
		`== Redrive`,
		`order 7 charged`,
		`moved back: 1 dead letter`,
		`== Stop`,
		`the worker has stopped`,
	} {
		require.Regexp(t, "(?m)"+step, account.String())
	}
	require.NotRegexp(t, `ann@example.com.*attempt 2`, account.String(), "what succeeded does not run again")
}

func TestDemoEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, run(ctx, io.Discard))
}
