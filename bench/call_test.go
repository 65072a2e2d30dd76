package bench_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/bench"
)

func TestEveryCallSucceeds(t *testing.T) {
	t.Parallel()
	calls, err := bench.Calls()
	require.NoError(t, err)
	names := map[string]bool{}
	for _, call := range calls {
		require.NoError(t, call.Run(), call.Name)
		require.False(t, names[call.Name], "%s is there twice", call.Name)
		names[call.Name] = true
	}
	for _, name := range []string{
		"dispatch/small", "dispatch/small/validated", "handle/small", "handle/small/middleware3",
		"handle/small/validated", "handle/small/validated-middleware3", "dispatch/small/asynq", "dispatch/small/river",
	} {
		require.Contains(t, names, name)
	}
}
