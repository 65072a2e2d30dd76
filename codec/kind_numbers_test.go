package codec_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/codec"
)

// encodeNumber returns how codec writes a number.
func encodeNumber[N int64 | uint64 | float64](t *testing.T, n N) string {
	t.Helper()
	text, err := codec.EncodeValue(reflect.ValueOf(&n).Elem())
	require.NoError(t, err)
	return string(text)
}

func TestIntegersOfEveryLength(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	numbers := []uint64{0, math.MaxUint64, math.MaxInt64}
	for power := uint64(1); power < math.MaxUint64/10; power *= 10 {
		for range 200 {
			numbers = append(numbers, power+random.Uint64N(9*power))
		}
		numbers = append(numbers, power-1, power, power+1, 11*(power/10), 99*(power/10))
	}
	for _, n := range numbers {
		require.Equal(t, strconv.FormatUint(n, 10), encodeNumber(t, n))
		require.Equal(t, strconv.FormatInt(int64(n), 10), encodeNumber(t, int64(n)))
		require.Equal(t, strconv.FormatInt(-int64(n), 10), encodeNumber(t, -int64(n)))
	}
}

func TestShortFractions(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	for digits := range 10 {
		for range 500 {
			f := float64(random.Int64N(2_000_000_000)-1_000_000_000) / math.Pow10(digits)
			want, err := json.Marshal(f)
			require.NoError(t, err)
			require.Equal(t, string(want), encodeNumber(t, f))
		}
	}
}
