package lambdax_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

type emailArgs struct {
	To, Subject string
	FromEmail   *string `taskhawk:"from_email,kw,optional"`
}

// A record costs seven allocations, its arguments and headers among them, and an event a few.
func TestAllocationsOfARecord(t *testing.T) {
	runs := 0
	hub, err := taskhawk.NewHub(taskhawk.Config{
		Logger: slog.New(slog.DiscardHandler),
		Tasks: []taskhawk.AnyTask{taskhawk.New("tasks.send_email", func(context.Context, emailArgs) error {
			runs++
			return nil
		})},
	})
	require.NoError(t, err)
	const text = `{"id":"b1328174-a21c-43d3-b303-964dfcc76efc","metadata":{"priority":"high","timestamp":1460868253255,"version":"1.0"},` +
		`"headers":{"request_id":"1234"},"task":"tasks.send_email","args":["email@automatic.com","Hello!"],"kwargs":{"from_email":"spam@example.com"}}`
	handle := must(lambdax.SQS(hub, lambdax.SQSConfig{PartialBatch: true}))
	for _, n := range []int{10, 1000} {
		event := doing(slices.Repeat([]string{""}, n)...)
		for i := range event.Records {
			event.Records[i].Body = text
		}
		allocs := testing.AllocsPerRun(20, func() {
			if _, err := handle(t.Context(), event); err != nil {
				panic(err)
			}
		})
		require.LessOrEqual(t, allocs/float64(n), 7.1+10/float64(n), "%d records", n)
		t.Logf("%d records: %.1f allocations each", n, allocs/float64(n))
	}
	require.Equal(t, 21*1010, runs)
}
