package faults_test

import (
	"context"
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// foreign is the body of a task as another program may send it: members is the text
// behind the id and the metadata.
func foreign(id, members string) string {
	return `{"id":"` + id + `","metadata":{"priority":"default","timestamp":1460868253255,"version":"1.0"},` + members + `}`
}

// hostile are bodies that SQS takes and no task can run, with their own ids for each
// prefix. Most have a secret in them.
func hostile(prefix string) map[string]string {
	of := func(id, members string) string { return foreign(prefix+id, members) }
	job := func(id string) string {
		return of(id, `"task":"tests.job","args":[1,"`+canaryArgument+`"],"headers":{"token":"`+canaryHeader+`"}`)
	}
	changed := func(id, part, by string) string { return strings.Replace(job(id), part, by, 1) }
	return map[string]string{
		"a word":               prefix + canaryArgument,
		"null":                 "null",
		"a list":               `["` + canaryArgument + `"]`,
		"a text":               `"` + canaryArgument + `"`,
		"an empty object":      "{}",
		"a BOM":                "\ufeff" + job("bom"),
		"trailing bytes":       job("trailing") + canaryArgument,
		"two objects":          job("two") + job("two"),
		"cut off":              job("cut")[:60],
		"no id":                changed("x", `"id":"`+prefix+`x",`, ""),
		"an empty id":          changed("x", `"id":"`+prefix+`x"`, `"id":""`),
		"an id that is none":   changed("x", `"id":"`+prefix+`x"`, `"id":{"x":"`+canaryArgument+`"}`),
		"no version":           changed("no-version", `,"version":"1.0"`, ""),
		"another version":      changed("version-2", `"1.0"`, `"2.0"`),
		"another priority":     changed("priority", `"default"`, `"`+canaryArgument+`"`),
		"no metadata":          `{"id":"` + prefix + `no-metadata","task":"tests.job","args":[1,"x"]}`,
		"no task":              of("no-task", `"args":[1,"`+canaryArgument+`"]`),
		"an unknown task":      of("unknown-task", `"task":"tests.nobody","args":["`+canaryArgument+`"]`),
		"headers as a list":    of("headers-list", `"task":"tests.job","args":[1,"x"],"headers":["`+canaryHeader+`"]`),
		"args as an object":    of("args-object", `"task":"tests.job","args":{"n":1,"secret":"`+canaryArgument+`"}`),
		"too many args":        of("too-many", `"task":"tests.job","args":[1,"x","`+canaryArgument+`"]`),
		"too few args":         of("too-few", `"task":"tests.job","args":[1]`),
		"a wrong type":         of("wrong-type", `"task":"tests.job","args":["`+canaryArgument+`","x"]`),
		"an unknown keyword":   of("unknown-keyword", `"task":"tests.job","args":[1,"x"],"kwargs":{"colour":"`+canaryArgument+`"}`),
		"a very long keyword":  of("long-keyword", `"task":"tests.job","args":[1,"x"],"kwargs":{"`+strings.Repeat("colour", 10_000)+`":1}`),
		"a very long task":     of("long-task", `"task":"`+strings.Repeat("tests.", 10_000)+`","args":["`+canaryArgument+`"]`),
		"line breaks in names": of(`\r\nbreak`, `"task":"tests.\r\nlevel=INFO","args":["`+canaryArgument+`"]`),
		"an invalid argument":  of("invalid", `"task":"tests.mail","args":["`+canaryArgument+`"]`),
		"a task without code":  of("no-handler", `"task":"tests.elsewhere","args":["`+canaryArgument+`"]`),
		"a notification of it": `{"Type":"Notification","TopicArn":"arn:aws:sns:us-east-1:000000000000:t","Message":"` + canaryArgument + `"}`,
	}
}

type mailArgs struct {
	To string `validate:"email"`
}

// otherTasks are one whose arguments have a rule, and one that cannot run here.
func otherTasks(r *env) []taskhawk.AnyTask {
	return []taskhawk.AnyTask{
		taskhawk.New("tests.mail", instrument(r, func(context.Context, mailArgs) error { return nil })),
		taskhawk.New[mailArgs]("tests.elsewhere", nil),
	}
}

// Messages that no task can run arrive among good ones on every queue. They hold up none
// of these, no handler sees them, none is deleted, and each is a dead letter after five
// receives.
func TestT36UndecodableMessages(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "messages that cannot be read, bound or validated", Tasks: otherTasks, Handle: takes(100 * time.Millisecond)}, func(r *env) {
		for _, priority := range taskhawk.Priorities() {
			for _, body := range hostile(priority.String() + "-") {
				r.raw(priority, body)
			}
			r.fill(25, taskhawk.WithPriority(priority))
		}
		w := r.start(sqsx.WorkerConfig{})
		r.await(10*time.Second, "all good tasks have run", func() bool { return r.record.total() == 100 })
		r.drain(2 * time.Hour)
		w.stop()

		dead := 4 * len(hostile(""))
		requireBuried(r, dead, defaultReceives)
		r.Check(want{Dead: dead, Stranded: dead})
	})
}

// defaultReceives is how often a message is received before it is a dead letter.
const defaultReceives = 5

// requireBuried checks that only tasks that succeeded were deleted, and that so many
// messages became dead letters, after so many receives each and no sooner.
func requireBuried(r *env, dead, receives int) {
	r.Helper()
	ledger := r.server.Ledger()
	require.Equal(r, ledger.Count(sqstest.Succeeded), ledger.Count(sqstest.Deleted))
	require.Equal(r, ledger.Count(sqstest.Started), ledger.Count(sqstest.Succeeded))
	require.Equal(r, dead, ledger.Count(sqstest.DeadLettered))
	for _, e := range ledger.Events() {
		if e.Kind == sqstest.DeadLettered {
			require.Equal(r, receives, e.Receives, "receives of a dead letter")
		}
	}
}

// An encoding that is not what it says is one of them.
func TestT36UndecodableEncoding(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "a body that is not the base64 it says it is"}, func(r *env) {
		for _, encoding := range []string{"base64", "gzip", "BASE64"} {
			r.raw(taskhawk.Default, "%%% "+encoding+canaryArgument, func(in *sqs.SendMessageInput) {
				in.MessageAttributes = map[string]types.MessageAttributeValue{
					"taskhawk_encoding": {DataType: aws.String("String"), StringValue: aws.String(encoding)},
				}
			})
		}
		r.dispatch(0)
		w := r.start(sqsx.WorkerConfig{})
		r.drain(2 * time.Hour)
		w.stop()
		requireBuried(r, 3, defaultReceives)
		r.Check(want{Dead: 3, Stranded: 3})
	})
}

// anyArgs takes any JSON.
type anyArgs struct{ Value any }

func anyTask(r *env) []taskhawk.AnyTask {
	return []taskhawk.AnyTask{
		taskhawk.New("tests.any", instrument(r, func(context.Context, anyArgs) error { return nil })),
	}
}

// Nesting up to 10,000 levels is read, as encoding/json reads it; more is an error, and
// no stack overflows.
func TestT38DeepNesting(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "arguments nested 9,990 and 10,001 levels deep", Tasks: anyTask}, func(r *env) {
		for id, levels := range map[string]int{"deep": 9_990, "too-deep": 10_001, "far-too-deep": 500_000} {
			value := strings.Repeat("[", levels) + strings.Repeat("]", levels)
			r.raw(taskhawk.Default, foreign(id, `"task":"tests.any","args":[`+value+`]`))
		}
		r.raw(taskhawk.Default, strings.Repeat(`{"metadata":`, 80_000))
		w := r.start(sqsx.WorkerConfig{})
		r.drain(2 * time.Hour)
		w.stop()
		require.Equal(r, 1, r.server.Ledger().Keys(sqstest.Succeeded)["deep"])
		requireBuried(r, 3, defaultReceives)
		r.Check(want{Dead: 3, Stranded: 3})
	})
}

// Ten messages of 1 MiB that are made of the smallest JSON values run at once. Where they
// do not fit the Go type they cost little beside their bytes; an argument of type any is
// made of Go values of many times their size, one such task at a time here. The bounds
// have room for the copies of the server, which runs in the same process.
func TestT38AllocOfDenseJSON(t *testing.T) {
	for name, c := range map[string]struct {
		task        string
		concurrency int
		dead        int
		bound       uint64
	}{
		"wrong type":  {"tests.job", 10, 10, 192 << 20},
		"any, serial": {"tests.any", 1, 0, 192 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			const dense = "{},"
			list := "[" + strings.Repeat(dense, (sqsx.MaxMessageSize-300)/len(dense)) + "0]"
			s := setup{
				What: "ten messages of 1 MiB of {}, at once", Tasks: anyTask, Provision: sqsx.ProvisionConfig{MaxReceiveCount: 2},
			}
			grown := peakHeap(func() {
				inBubble(t, s, func(r *env) {
					for n := range 10 {
						r.raw(taskhawk.Default, foreign(name+strconv.Itoa(n), `"task":"`+c.task+`","args":[`+list+`]`))
					}
					w := r.start(sqsx.WorkerConfig{Concurrency: c.concurrency, Priorities: []taskhawk.Priority{taskhawk.Default}})
					r.drain(2 * time.Hour)
					w.stop()
					requireBuried(r, c.dead, 2)
					r.Check(want{Dead: c.dead, Stranded: 10})
				})
			})
			require.LessOrEqual(t, grown, c.bound, "growth of the heap")
		})
	}
}

// Text that is not valid UTF-8 is an error before any request, wherever it stands: SQS
// would store it changed.
func TestT39InvalidUTF8IsNotSent(t *testing.T) {
	t.Parallel()
	x := &texts{}
	inBubble(t, setup{What: "text that is not UTF-8, dispatched", Tasks: x.tasks}, func(r *env) {
		requests := r.server.TotalRequests()
		for name, bad := range map[string]string{
			"a byte": "\xff", "cut off": "caf\xc3", "a surrogate": "\xed\xa0\x80", "overlong": "\xc0\xaf", "too high": "\xf4\x90\x80\x80",
		} {
			_, err := x.task.Dispatch(r.Context(), textArgs{Text: canaryArgument + bad})
			r.sink.failure(err)
			var argument *taskhawk.ArgumentError
			require.ErrorAs(r, err, &argument, name)
			require.Equal(r, "text", argument.Param)
			_, err = x.task.Dispatch(r.Context(), textArgs{}, taskhawk.WithHeaders(taskhawk.Headers{"token": canaryHeader + bad}))
			r.sink.failure(err)
			require.ErrorIs(r, err, taskhawk.ErrHeader, name)
			_, err = x.task.Dispatch(r.Context(), textArgs{}, taskhawk.WithID(canaryArgument+bad))
			r.sink.failure(err)
			require.Error(r, err, name)
			_, err = x.task.Dispatch(r.Context(), textArgs{}, taskhawk.WithGroup(canaryArgument+bad))
			r.sink.failure(err)
			require.Error(r, err, name)
		}
		require.Equal(r, requests, r.server.TotalRequests())
		r.Check(want{})
	})
}

// odd are texts that are valid and hard: SQS refuses some of their characters in a body.
func odd() []string {
	var controls strings.Builder
	for c := range rune(0x20) {
		controls.WriteRune(c)
	}
	return []string{
		controls.String(), "\x7f\u0080\u009f", "\ufffe\uffff", "\ufeffBOM", "\U0001fffe\U0010ffff", "\u2028\u2029", "\ufffd",
		"😀 é 語 \u0301", `"\/` + "`", "<script>&amp;", "\r\n", " ", strings.Repeat("\x00", 1000),
	}
}

// Every text that is valid arrives as it was sent, in arguments and in headers, though
// SQS takes no control characters and no U+FFFE.
func TestT39OddTextsArriveUnchanged(t *testing.T) {
	t.Parallel()
	x := &texts{}
	inBubble(t, setup{What: "control characters, U+FFFE and the like, there and back", Tasks: x.tasks}, func(r *env) {
		for _, text := range odd() {
			_, err := x.task.Dispatch(r.Context(), textArgs{Text: text}, taskhawk.WithHeaders(taskhawk.Headers{"odd": text}))
			require.NoError(r, err)
		}
		r.runAll()
		x.requireSeen(r, odd()...)
		r.Check(want{})
	})
}

// What others send with lone surrogates is read as U+FFFD and runs; nothing panics.
func TestT39LoneSurrogatesAreRead(t *testing.T) {
	t.Parallel()
	x := &texts{}
	inBubble(t, setup{What: "lone surrogates, received", Tasks: x.tasks}, func(r *env) {
		for id, text := range map[string]string{
			"high": `\ud800`, "low": `\udfff`, "two-highs": `\ud800\ud800`, "cut": `\ud83d`, "swapped": `\ude00\ud83d`, "pair": `\ud83d\ude00`,
			"nul": `\u0000`, "nonchar": `\uffff`,
		} {
			r.raw(taskhawk.Default, foreign(id, `"task":"tests.text","args":["`+text+`"]`))
		}
		// The surrogates may stand in names as well, where they are no parameter.
		r.raw(taskhawk.Default, foreign("keyword", `"task":"tests.text","args":["x"],"kwargs":{"\ud800":1}`))
		w := r.start(sqsx.WorkerConfig{})
		r.drain(2 * time.Hour)
		w.stop()
		const unknown = "\ufffd"
		x.requireSeen(r, unknown, unknown, unknown+unknown, unknown, unknown+unknown, "😀", "\x00", "\uffff")
		require.Equal(r, 8, r.server.Ledger().Count(sqstest.Succeeded))
		r.Check(want{Dead: 1, Stranded: 1})
	})
}

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

func (x *numbers) tasks(r *env) []taskhawk.AnyTask {
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

// Numbers that a parameter cannot hold are never rounded, cut off or wrapped around: the
// task does not run.
func TestT40NumbersThatDoNotFit(t *testing.T) {
	t.Parallel()
	x := &numbers{}
	refused := map[string]string{
		"2^63 as int64": `"int":9223372036854775808`, "-2^63-1 as int64": `"int":-9223372036854775809`, "128 as int8": `"small":128`,
		"2^64 as uint64": `"uint":18446744073709551616`, "-1 as uint64": `"uint":-1`, "1.0 as int": `"int":1.0`, "1e2 as int": `"int":1e2`,
		"1e400 as float64": `"float":1e400`, "1e39 as float32": `"single":1e39`, "1e400 as any": `"any":1e400`, "1.5 as a big int": `"big":1.5`,
		"30 digits as int": `"int":` + digits, "NaN": `"float":NaN`, "a leading zero": `"int":01`, "a plus": `"int":+1`, "hexadecimal": `"int":0x10`,
	}
	inBubble(t, setup{What: "numbers that do not fit their Go type", Tasks: x.tasks}, func(r *env) {
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

// Numbers that fit arrive exactly; those of 30 digits in the types that keep digits. In
// an argument of type any they are a float64, as in encoding/json and as documented.
func TestT40NumbersThatFit(t *testing.T) {
	t.Parallel()
	x := &numbers{}
	inBubble(t, setup{What: "numbers at the limits of their Go type", Tasks: x.tasks}, func(r *env) {
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
	inBubble(t, setup{What: "numbers dispatched and received", Tasks: x.tasks}, func(r *env) {
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

type placeArgs struct {
	City  string
	Place struct{ Street string } `taskhawk:"place,optional"`
}

// Two readers that choose differently between duplicate keys would run different tasks,
// so none of these runs: in the envelope no known key may come twice, and the case of
// keys matters there and in the names of the arguments.
func TestT41AmbiguousMessages(t *testing.T) {
	t.Parallel()
	metadata := `"metadata":{"timestamp":1,"version":"1.0"}`
	bodies := map[string]string{
		"task twice":            `{"id":"a",` + metadata + `,"task":"tests.nobody","task":"tests.place","args":["x"]}`,
		"task twice, escaped":   `{"id":"b",` + metadata + `,"task":"tests.nobody","\u0074ask":"tests.place","args":["x"]}`,
		"args twice":            `{"id":"c",` + metadata + `,"task":"tests.place","args":["x"],"args":["y"]}`,
		"id twice":              `{"id":"d1","id":"d",` + metadata + `,"task":"tests.place","args":["x"]}`,
		"metadata twice":        `{"id":"e",` + metadata + `,` + metadata + `,"task":"tests.place","args":["x"]}`,
		"version twice":         `{"id":"f","metadata":{"timestamp":1,"version":"2.0","version":"1.0"},"task":"tests.place","args":["x"]}`,
		"header twice":          `{"id":"g",` + metadata + `,"headers":{"a":"1","a":"2"},"task":"tests.place","args":["x"]}`,
		"Task":                  `{"id":"h",` + metadata + `,"Task":"tests.place","args":["x"]}`,
		"ID":                    `{"ID":"i",` + metadata + `,"task":"tests.place","args":["x"]}`,
		"Metadata":              `{"id":"j","Metadata":{"timestamp":1,"version":"1.0"},"task":"tests.place","args":["x"]}`,
		"keyword twice":         `{"id":"k",` + metadata + `,"task":"tests.place","kwargs":{"city":"x","city":"y"}}`,
		"keyword and position":  `{"id":"l",` + metadata + `,"task":"tests.place","args":["x"],"kwargs":{"city":"y"}}`,
		"keyword in other case": `{"id":"m",` + metadata + `,"task":"tests.place","kwargs":{"City":"x"}}`,
	}
	inBubble(t, setup{What: "duplicate keys, and keys in another case", Tasks: placeTask(nil)}, func(r *env) {
		for _, body := range bodies {
			r.raw(taskhawk.Default, body)
		}
		w := r.start(sqsx.WorkerConfig{})
		r.drain(2 * time.Hour)
		w.stop()
		require.Zero(r, r.server.Ledger().Count(sqstest.Started))
		requireBuried(r, len(bodies), defaultReceives)
		r.Check(want{Dead: len(bodies), Stranded: len(bodies)})
	})
}

func placeTask(note func(placeArgs)) func(r *env) []taskhawk.AnyTask {
	return func(r *env) []taskhawk.AnyTask {
		return []taskhawk.AnyTask{taskhawk.New("tests.place", instrument(r, func(_ context.Context, args placeArgs) error {
			note(args)
			return nil
		}))}
	}
}

// Keys in another case beside the known ones are unknown keys, which are passed over.
// Within a value, keys are matched as encoding/json does: without regard to case, and the
// last of duplicates counts, as documented.
func TestT41KeysOfValues(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]string{}
	s := setup{What: "keys in another case beside known ones, and within values", Tasks: placeTask(func(args placeArgs) {
		mu.Lock()
		defer mu.Unlock()
		seen[args.City] = args.Place.Street
	})}
	inBubble(t, s, func(r *env) {
		for id, place := range map[string]string{
			"plain": `{"street":"s"}`, "other-case": `{"STREET":"s"}`, "twice": `{"Street":"a","street":"s"}`, "unknown": `{"Street":"s","x":1}`,
		} {
			r.raw(taskhawk.Default, foreign(id,
				`"task":"tests.place","Task":"tests.nobody","ARGS":[1],"args":["`+id+`"],"kwargs":{"place":`+place+`}`))
		}
		r.runAll()
		require.Equal(r, map[string]string{"plain": "s", "other-case": "s", "twice": "s", "unknown": "s"}, seen)
		r.Check(want{})
	})
}
