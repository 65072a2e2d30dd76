package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	var err error
	if built.folder, err = os.MkdirTemp("", "lambda-functions"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(built.folder)
		os.Exit(code)
	}))
}

func TestAccountTellsEveryStep(t *testing.T) {
	t.Parallel()
	var account bytes.Buffer
	require.NoError(t, run(t.Context(), &account))
	for _, step := range []string{
		`== Build`,
		`function sns: \d+\.\d MB`,
		`function sqs: \d+\.\d MB`,
		`== Start`,
		`function sns is ready after [\d.]+m?s`,
		`function sqs is ready after [\d.]+m?s`,
		`== A topic triggers a function`,
		`\[sns\] placed order=1`,
		`on TASKHAWK-DEV-MYAPP-HIGH-PRIORITY: tasks.charge_card`,
		`on TASKHAWK-DEV-MYAPP-LOW-PRIORITY: tasks.send_receipt`,
		`== Queues feed a function`,
		`\[sqs\] charged order=1 cents=1999`,
		`\[sqs\] charged order=3 cents=250`,
		`\[sqs\] task failed for good task=tasks.charge_card .*more than the card allows`,
		`TASKHAWK-DEV-MYAPP-HIGH-PRIORITY: batch of 3, 3 done, response names 0 failed`,
		`\[sqs\] sent a receipt order=1 attempt=1`,
		`TASKHAWK-DEV-MYAPP-LOW-PRIORITY: batch of 2, 1 done, response names 1 failed`,
		`\[sqs\] sent a receipt order=3 attempt=2`,
		`TASKHAWK-DEV-MYAPP-LOW-PRIORITY: batch of 1, 1 done, response names 0 failed`,
		`== Dead letter`,
		`on TASKHAWK-DEV-MYAPP-HIGH-PRIORITY-DLQ: task tasks.charge_card, reason "more than the card allows"`,
		`== Stop`,
		`nothing is in flight, nothing is lost`,
	} {
		require.Regexp(t, "(?m)"+step, account.String())
	}
	require.NotRegexp(t, `order=1 attempt=2`, account.String(), "what is done does not run again")
	require.NotContains(t, account.String(), "@slow.example", "no argument is logged")
}

func TestDemoEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, run(ctx, io.Discard))
}
