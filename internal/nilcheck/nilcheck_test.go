package nilcheck_test

import (
	"net/http"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/internal/nilcheck"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestIsNil(t *testing.T) {
	t.Parallel()
	var (
		pointer *strings.Builder
		handler http.HandlerFunc
		list    sort.StringSlice
	)
	for _, v := range []any{nil, pointer, handler} {
		require.True(t, nilcheck.IsNil(v), "%T", v)
	}
	for _, v := range []any{list, 0, "", new(strings.Builder), http.NotFoundHandler(), http.Dir("")} {
		require.False(t, nilcheck.IsNil(v), "%T", v)
	}
}
