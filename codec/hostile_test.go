package codec_test

import (
	"encoding/json"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/codec"
)

type nest []nest

type hostile struct {
	Small []struct {
		A int8
	} `taskhawk:",optional"`
	Nest nest            `taskhawk:",optional"`
	Any  any             `taskhawk:",optional"`
	Tree tree            `taskhawk:",optional"`
	ID   json.Number     `taskhawk:",optional"`
	Raw  json.RawMessage `taskhawk:",optional"`
	Int  int64           `taskhawk:",optional"`
	Text string          `taskhawk:",optional"`
	Data []byte          `taskhawk:",optional"`
}

func TestDecodeNesting(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{9_999, 10_000, 10_001, 1 << 19} {
		brackets := strings.Repeat("[", depth) + strings.Repeat("]", depth)
		objects := strings.Repeat(`{"Next":`, depth) + "null" + strings.Repeat("}", depth)
		for _, kwargs := range []string{`{"nest":` + brackets + `}`, `{"any":` + brackets + `}`, `{"raw":` + brackets + `}`, `{"tree":` + objects + `}`} {
			_, err := decode[hostile](t, ``, kwargs)
			if depth <= 10_000 {
				require.NoError(t, err)
				continue
			}
			require.ErrorIs(t, err, codec.ErrSyntax)
			require.LessOrEqual(t, len(err.Error()), 400)
		}
		_, err := decode[hostile](t, brackets, ``)
		require.Error(t, err)
	}
}

func TestEncodeNesting(t *testing.T) {
	t.Parallel()
	c := of[struct{ T *tree }](t)
	var list *tree
	for range 9_999 {
		list = &tree{Next: list}
	}
	_, err := c.Append(nil, &struct{ T *tree }{list})
	require.NoError(t, err)
	for range 5_000 {
		list = &tree{Next: list}
	}
	_, err = c.Append(nil, &struct{ T *tree }{list})
	require.ErrorIs(t, err, codec.ErrUnsupportedValue)
}

// heapOf returns how many bytes f allocates in all.
func heapOf(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestDecodeAllocatesInProportion holds what is allocated, kept or not, to four times the
// input. It is not parallel, because others would count.
func TestDecodeAllocatesInProportion(t *testing.T) {
	const mib = 1 << 20
	objects := strings.Repeat("{},", mib/3)
	for name, kwargs := range map[string]string{
		"objects, refused at the first": `{"text":[` + objects + `{}]}`,
		"objects, small":                `{"small":[` + objects + `{}]}`,
		"objects, unknown":              `{"tree":{"unknown":[` + objects + `{}]}}`,
		"numbers for structs":           `{"small":[` + strings.Repeat("1,", mib/2) + `1]}`,
		"one long string":               `{"text":"` + strings.Repeat("x", mib) + `"}`,
		"escapes":                       `{"text":"` + strings.Repeat(`\n`, mib/2) + `"}`,
		"invalid UTF-8":                 `{"text":"` + strings.Repeat("\xff", mib) + `"}`,
		"base64":                        `{"data":"` + strings.Repeat("AAAA", mib/4) + `"}`,
		"raw":                           `{"raw":[` + objects + `{}]}`,
		"digits":                        `{"int":` + strings.Repeat("9", mib) + `}`,
		"digits kept":                   `{"id":` + strings.Repeat("9", mib) + `}`,
		"keys":                          `{"tree":{` + strings.Repeat(`"k":1,`, mib/6) + `"k":1}}`,
		"an unknown keyword":            `{"` + strings.Repeat("k", mib) + `":1}`,
		"brackets":                      `{"any":` + strings.Repeat("[", mib) + `}`,
		"deep paths":                    `{"tree":` + strings.Repeat(`{"Next":`, mib/8) + `}`,
	} {
		c := of[hostile](t)
		var v hostile
		used := heapOf(func() { _ = c.Decode("", kwargs, &v) })
		require.Less(t, used, uint64(4*len(kwargs)), name)
	}
}

func TestDecodeOfManyArgsAllocatesNothingForThem(t *testing.T) {
	c := of[sendEmail](t)
	args := "[" + strings.Repeat("{},", 1<<20/3) + "{}]"
	var v sendEmail
	var err error
	used := heapOf(func() { err = c.Decode(args, "", &v) })
	require.ErrorIs(t, err, codec.ErrWrongType)
	require.Less(t, used, uint64(1<<16))
}

func TestDecodeNumbersKeepTheirPrecisionOrFail(t *testing.T) {
	t.Parallel()
	got, err := decode[hostile](t, ``, `{"id":123456789012345678901234567890,"any":123456789012345678901234567890,"int":9007199254740993}`)
	require.NoError(t, err)
	require.Equal(t, json.Number("123456789012345678901234567890"), got.ID)
	require.InEpsilon(t, 1.2345678901234568e29, got.Any, 1e-15, "a float64, as encoding/json gives")
	require.Equal(t, int64(9007199254740993), got.Int)
	for _, kwargs := range []string{`{"int":9223372036854775808}`, `{"int":1.0}`, `{"int":1e2}`, `{"any":1e400}`} {
		_, err = decode[hostile](t, ``, kwargs)
		require.ErrorIs(t, err, codec.ErrWrongType, kwargs)
	}
}

func TestDecodeStringsAliasTheInputOnlyIfThatIsSafe(t *testing.T) {
	t.Parallel()
	got, err := decode[hostile](t, ``, `{"text":"plain","data":"aGk=","raw":[1]}`)
	require.NoError(t, err)
	got.Data[0], got.Raw[1] = 'X', '2'
	require.Equal(t, "plain", got.Text)
	again, err := decode[hostile](t, ``, `{"text":"plain","data":"aGk=","raw":[1]}`)
	require.NoError(t, err)
	require.Equal(t, "hi", string(again.Data))
	require.Equal(t, "[1]", string(again.Raw))
}
