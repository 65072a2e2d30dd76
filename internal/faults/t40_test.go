package faults_test

import (
	"context"
	"encoding/json"
	"math"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// numberArgs takes a number in each of the Go types that can hold one.
type numberArgs struct {
	Int    int64           `taskhawk:"int,optional"`
	Small  int8            `taskhawk:"small,optional"`
	Uint   uint64          `taskhawk:"uint,optional"`
	Float  float64         `taskhawk:"float,optional"`
	Single float32         `taskhawk:"single,optional"`
	Number json.Number     `taskhawk:"number,optional"`
	Big    *big.Int        `taskhawk:"big,optional"`
	Raw    json.RawMessage `taskhawk:"raw,optional"`
	Any    any             `taskhawk:"any,optional"`
}

// numbers notes the arguments by id.
type numbers struct {
	mu   sync.Mutex
	seen map[string]numberArgs
	task *taskhawk.Task[numberArgs]
}

func (x *numbers) tasks(r *rig) []taskhawk.AnyTask {
	x.seen = map[string]numberArgs{}
	x.task = taskhawk.New("tests.number", instrument(r, func(ctx context.Context, args numberArgs) error {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.seen[taskhawk.MetadataFrom(ctx).ID] = args
		return nil
	}))
	return []taskhawk.AnyTask{x.task}
}

// digits are more than any Go number type holds.
const digits = "123456789012345678901234567890"

// Numbers that a parameter cannot hold are never rounded, cut off or wrapped around: the task does not run.
func TestT40NumbersThatDoNotFit(t *testing.T) {
	t.Parallel()
	x := &numbers{}
	refused := map[string]string{
		"2^63 as int64": `"int":9223372036854775808`, "-2^63-1 as int64": `"int":-9223372036854775809`, "128 as int8": `"small":128`,
		"2^64 as uint64": `"uint":18446744073709551616`, "-1 as uint64": `"uint":-1`, "1.0 as int": `"int":1.0`, "1e2 as int": `"int":1e2`,
		"1e400 as float64": `"float":1e400`, "1e39 as float32": `"single":1e39`, "1e400 as any": `"any":1e400`, "1.5 as a big int": `"big":1.5`,
		"30 digits as int": `"int":` + digits, "NaN": `"float":NaN`, "a leading zero": `"int":01`, "a plus": `"int":+1`, "hexadecimal": `"int":0x10`,
	}
	inBubble(t, setup{What: "numbers that do not fit their Go type", Tasks: x.tasks}, func(r *rig) {
		for id, kwargs := range refused {
			r.raw(taskhawk.Default, foreign(id, `"task":"tests.number","kwargs":{`+kwargs+`}`))
		}
		w := r.start(sqsx.WorkerConfig{})
		r.drain(2 * time.Hour)
		w.stop()
		require.Zero(r, r.server.Ledger().Count(sqstest.Started))
		requireBuried(r, len(refused), defaultReceives)
		r.Check(want{Dead: len(refused), Stranded: len(refused)})
	})
}

// Numbers that fit arrive exactly; those of 30 digits in the types that keep digits. In an argument of type any they are a float64, as
// in encoding/json and as documented.
func TestT40NumbersThatFit(t *testing.T) {
	t.Parallel()
	x := &numbers{}
	inBubble(t, setup{What: "numbers at the limits of their Go type", Tasks: x.tasks}, func(r *rig) {
		for id, kwargs := range map[string]string{
			"limits": `"int":-9223372036854775808,"small":-128,"uint":18446744073709551615,"float":1.7976931348623157e308,"single":3.4028234663852886e38`,
			"digits": `"number":` + digits + `,"big":` + digits + `,"raw":` + digits + `,"any":` + digits,
			"small":  `"float":1e-400,"number":1e400,"raw":1e400,"any":9007199254740993`,
		} {
			r.raw(taskhawk.Default, foreign(id, `"task":"tests.number","kwargs":{`+kwargs+`}`))
		}
		r.runAll()
		limits := x.seen["limits"]
		require.Equal(r, int64(math.MinInt64), limits.Int)
		require.Equal(r, int8(math.MinInt8), limits.Small)
		require.Equal(r, uint64(math.MaxUint64), limits.Uint)
		require.InDelta(r, math.MaxFloat64, limits.Float, 0)
		require.InDelta(r, math.MaxFloat32, limits.Single, 0)
		exact := x.seen["digits"]
		require.Equal(r, digits, exact.Number.String())
		require.Equal(r, digits, exact.Big.String())
		require.Equal(r, digits, string(exact.Raw))
		require.InDelta(r, 123456789012345678901234567890.0, exact.Any, 0)
		small := x.seen["small"]
		require.Zero(r, small.Float)
		require.Equal(r, "1e400", small.Number.String())
		require.Equal(r, "1e400", string(small.Raw))
		require.InDelta(r, 9007199254740992.0, small.Any, 0)
		r.Check(want{})
	})
}

// What is dispatched comes back as the same number, by the library's own hand.
func TestT40NumbersThereAndBack(t *testing.T) {
	t.Parallel()
	x := &numbers{}
	inBubble(t, setup{What: "numbers dispatched and received", Tasks: x.tasks}, func(r *rig) {
		exact, _ := new(big.Int).SetString(digits, 10)
		sent := numberArgs{
			Int: math.MaxInt64, Small: -1, Uint: math.MaxUint64, Float: math.SmallestNonzeroFloat64, Single: 0.1, Number: "1e400",
			Big: exact, Raw: json.RawMessage(digits), Any: 0.1,
		}
		id, err := x.task.Dispatch(r.Context(), sent)
		require.NoError(r, err)
		for _, bad := range []numberArgs{{Float: math.NaN()}, {Single: float32(math.Inf(1))}, {Any: math.Inf(-1)}, {Number: "0x10"}} {
			_, err := x.task.Dispatch(r.Context(), bad)
			var argument *taskhawk.ArgumentError
			require.ErrorAs(r, err, &argument)
		}
		r.runAll()
		require.Equal(r, sent, x.seen[id])
		require.Len(r, x.seen, 1)
		r.Check(want{})
	})
}
