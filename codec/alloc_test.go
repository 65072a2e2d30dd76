//go:build !purego && !race

package codec_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The race detector makes pools forget, and purego pays for reflection; the counts are
// those of the normal build.

func TestAppendAllocatesNothing(t *testing.T) {
	checkAppendAllocs(t, smallPayload())
	checkAppendAllocs(t, mediumPayload())
	checkAppendAllocs(t, largePayload())
	checkAppendAllocs(t, struct {
		Maps map[string]map[int]string
		Rest map[string]float64 `taskhawk:",rest"`
	}{map[string]map[int]string{"a": {2: "x", 1: "y"}, "b": nil}, map[string]float64{"z": 1.5, "y": -1e300}})
}

func checkAppendAllocs[T any](t *testing.T, v T) {
	t.Helper()
	c := of[T](t)
	dst := []byte(encode(t, v))
	dst = append(dst, make([]byte, 64)...)
	require.Zero(t, testing.AllocsPerRun(50, func() { _, _ = c.Append(dst[:0], &v) }))
}

func TestDecodeAllocs(t *testing.T) {
	checkDecodeAllocs(t, smallPayload(), 2)   // the struct and the string behind its pointer
	checkDecodeAllocs(t, mediumPayload(), 15) // 2 slices, the map, a time zone, an escaped string
	checkDecodeAllocs(t, largePayload(), 270) // 250 strings have escapes
	type pair struct{ A, B string }
	type pairs struct{ Rows []pair }
	checkDecodeAllocs(t, pairs{make([]pair, 1000)}, 20)
	checkDecodeAllocs(t, sendEmail{To: strings.Repeat("x", 1000), Subject: "日本語"}, 1)
}

func checkDecodeAllocs[T any](t *testing.T, v T, most float64) {
	t.Helper()
	c := of[T](t)
	args, kwargs := split(encode(t, v))
	got := testing.AllocsPerRun(50, func() {
		var back T
		_ = c.Decode(args, kwargs, &back)
	})
	require.LessOrEqual(t, got, most)
}
