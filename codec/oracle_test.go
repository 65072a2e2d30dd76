package codec_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"hash/fnv"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/codec"
)

// The wire is what encoding/json of Go 1.26 writes and reads, whatever toolchain compiles
// the codec. Where that is at hand (liveOracle) the differential tests ask it, and
// compare its answers with the recorded ones. From Go 1.27 on encoding/json is another
// implementation, so that they compare with the recorded answers alone;
// GOEXPERIMENT=nojsonv2 brings the old one back.
//
// Record on Go 1.26: go test ./codec -record

var record = flag.Bool("record", false, "record the answers of encoding/json")

// recordedFile has a question and its answer on each line, as hashes. The generator's
// values depend on the size of int.
var recordedFile = filepath.Join("testdata", fmt.Sprintf("encoding_json_%d.txt", strconv.IntSize))

// refused is the answer to what encoding/json refuses.
const refused = "error"

// answers are the recorded answers of encoding/json.
type answers struct {
	mu    sync.Mutex
	known map[string]string
	asked map[string]int // encodings by the name of their test
}

var readAnswers = sync.OnceValues(func() (*answers, error) {
	a := &answers{known: map[string]string{}, asked: map[string]int{}}
	file, err := os.Open(recordedFile)
	if err != nil || *record {
		return a, err
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		question, answer, _ := strings.Cut(lines.Text(), " ")
		a.known[question] = answer
	}
	return a, nil
})

// next numbers the encodings of a test, whose values have no text to tell them apart by.
func (a *answers) next(test string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked[test]++
	return test + "#" + strconv.Itoa(a.asked[test])
}

// answer returns the answer to a question. Live is called where encoding/json of Go 1.26
// is at hand.
func answer(t *testing.T, question string, live func() string) string {
	t.Helper()
	a, err := readAnswers()
	if !*record {
		require.NoError(t, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	key := digest(question)
	known, ok := a.known[key]
	if liveOracle {
		now := live()
		if *record {
			a.known[key] = now
		} else if generatesAlike() && (ok || !fuzzing()) {
			require.Equal(t, known, now, "record the answers of encoding/json anew: go test ./codec -record")
		}
		return now
	}
	require.True(t, ok, "no recorded answer: ask encoding/json of Go 1.26, by GOEXPERIMENT=nojsonv2")
	return known
}

// writeAnswers stores what was recorded, at the end of the tests.
func writeAnswers(failed int) int {
	if failed != 0 || !*record {
		return failed
	}
	a, _ := readAnswers()
	var b bytes.Buffer
	for _, question := range slices.Sorted(maps.Keys(a.known)) {
		fmt.Fprintln(&b, question, a.known[question])
	}
	if err := os.WriteFile(recordedFile, b.Bytes(), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// generatesAlike reports whether the generator makes the values that were recorded: other
// processors fuse the steps of its float arithmetic, and round once less.
func generatesAlike() bool { return runtime.GOARCH == "amd64" || runtime.GOARCH == "386" }

// fuzzing reports whether the inputs are made up now.
func fuzzing() bool {
	for _, name := range []string{"test.fuzz", "test.fuzzworker"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != f.DefValue {
			return true
		}
	}
	return false
}

func digest(text string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text))
	return strconv.FormatUint(h.Sum64()>>16, 36)
}

// oracle is what encoding/json writes for *v without HTML escapes, with the two
// characters escaped that SQS refuses.
func oracle(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.NewReplacer("\ufffe", `\ufffe`, "\uffff", `\uffff`).Replace(strings.TrimSuffix(b.String(), "\n")), err
}

// checkEncode compares one encoding with the oracle.
func checkEncode(t *testing.T, v reflect.Value) {
	t.Helper()
	a, _ := readAnswers()
	want := answer(t, a.next(t.Name()), func() string {
		text, err := oracle(v.Addr().Interface())
		if err != nil {
			return refused
		}
		return digest(text)
	})
	got, err := codec.EncodeValue(v)
	switch {
	case want == refused:
		require.Error(t, err)
	case err != nil: // encoding/json changes such a string silently
		require.ErrorIs(t, err, codec.ErrInvalidUTF8, "%v", v)
		if liveOracle {
			text, _ := oracle(v.Addr().Interface())
			require.True(t, strings.Contains(text, `\ufffd`) || !utf8.ValidString(text), "no string is invalid: %s", text)
		}
	case want != digest(string(got)):
		text, _ := oracle(v.Addr().Interface())
		require.Equal(t, text, string(got), "the codec does not write what encoding/json of Go 1.26 does")
		require.Fail(t, "the codec writes what encoding/json of this toolchain does, and that of Go 1.26 does not", "%s", got)
	}
}

// checkDecode compares one decoding with the oracle.
func checkDecode(t *testing.T, typ reflect.Type, text string) {
	t.Helper()
	question := strings.ReplaceAll(typ.String(), "jsontext.Value", "json.RawMessage") + "\n" + text
	reference := reflect.New(typ)
	want := answer(t, question, func() string {
		if json.Unmarshal([]byte(text), reference.Interface()) != nil {
			return refused
		}
		return digest(dump(reference.Elem()))
	})
	got := reflect.New(typ)
	err := codec.DecodeValue(text, got.Elem())
	if want == refused {
		require.Error(t, err, "into %s:\n%s", typ, text)
		return
	}
	require.NoError(t, err, "into %s:\n%s", typ, text)
	if liveOracle {
		require.Equal(t, reference.Interface(), got.Interface(), "into %s:\n%s", typ, text)
	}
	require.Equal(t, want, digest(dump(got.Elem())), "into %s:\n%s\n%s", typ, text, dump(got.Elem()))
}

// dump writes a value with all that tells it from others, and no addresses.
func dump(v reflect.Value) string {
	if !v.IsValid() {
		return "nil"
	}
	if v.Type() == reflect.TypeFor[time.Time]() && v.CanInterface() {
		return v.Interface().(time.Time).Format(time.RFC3339Nano) //nolint:forcetypeassert // see above
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return "nil"
		}
		if v.Kind() == reflect.Interface {
			return strings.ReplaceAll(v.Elem().Type().String(), "jsontext.Value", "json.RawMessage") + "(" + dump(v.Elem()) + ")"
		}
		return "&" + dump(v.Elem())
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.IsNil() {
			return "nil"
		}
		return dumpAll(v.Len(), func(i int) string { return dump(v.Index(i)) })
	case reflect.Struct:
		return dumpAll(v.NumField(), func(i int) string { return dump(v.Field(i)) })
	case reflect.Map:
		if v.IsNil() {
			return "nil"
		}
		var entries []string
		for key, value := range v.Seq2() {
			entries = append(entries, dump(key)+":"+dump(value))
		}
		slices.Sort(entries)
		return "{" + strings.Join(entries, " ") + "}"
	case reflect.String:
		return strconv.Quote(v.String())
	case reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return strconv.FormatBool(v.IsNil())
	}
	return fmt.Sprint(v)
}

func dumpAll(n int, element func(i int) string) string {
	texts := make([]string, n)
	for i := range n {
		texts[i] = element(i)
	}
	return "[" + strings.Join(texts, " ") + "]"
}

func TestAnswersAreThoseOfGo126(t *testing.T) {
	t.Parallel()
	if *record && !strings.HasPrefix(runtime.Version(), "go1.26") {
		t.Fatal("record with Go 1.26")
	}
	a, err := readAnswers()
	if !*record {
		require.NoError(t, err)
		require.Greater(t, len(a.known), 10_000)
	}
}
