package bench_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/bench"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestEveryContenderWritesAndReadsTheSameMessage(t *testing.T) {
	t.Parallel()
	testContenders(t, bench.Small())
	testContenders(t, bench.Medium())
	testContenders(t, bench.Large())
}

func testContenders[A, K any](t *testing.T, w bench.Workload[A, K]) {
	t.Helper()
	contenders, err := bench.Contenders(w)
	require.NoError(t, err)
	for _, c := range contenders {
		t.Run(w.Name+"/"+c.Name, func(t *testing.T) {
			t.Parallel()
			if c.Encode != nil {
				testEncode(t, w, c, contenders[0])
			}
			if c.Decode != nil && c.Kind != bench.Limit {
				body, err := bench.BodyFor(c, contenders[0], &w.Message)
				require.NoError(t, err)
				requireDecodes(t, w, c, body)
			}
		})
	}
}

// testEncode lets ours, which is tested against the captured messages of the Python
// library, read what c writes.
func testEncode[A, K any](t *testing.T, w bench.Workload[A, K], c, ours bench.Contender[A]) {
	t.Helper()
	text, err := c.Encode(&w.Message)
	require.NoError(t, err)
	require.True(t, json.Valid(text))
	if c.Append != nil {
		appended, err := c.Append([]byte("before"), &w.Message)
		require.NoError(t, err)
		require.Equal(t, "before"+string(text), string(appended))
	}
	if c.ArgumentsOnly {
		require.NoError(t, json.Unmarshal(text, new(A)))
		return
	}
	requireDecodes(t, w, ours, bench.NewBody(text))
}

func requireDecodes[A, K any](t *testing.T, w bench.Workload[A, K], c bench.Contender[A], body bench.Body) {
	t.Helper()
	before := bytes.Clone(body.Bytes)
	var got bench.Message[A]
	require.NoError(t, c.Decode(body, &got))
	require.Equal(t, before, body.Bytes, "the body is everybody's")
	if c.ArgumentsOnly {
		require.Equal(t, w.Message.Args, got.Args)
		return
	}
	require.Equal(t, w.Message, got)
}

func TestEveryReaderRefusesWhatIsCutOff(t *testing.T) {
	t.Parallel()
	w := bench.Small()
	contenders, err := bench.Contenders(w)
	require.NoError(t, err)
	for _, c := range contenders {
		if c.Decode == nil {
			continue
		}
		body, err := bench.BodyFor(c, contenders[0], &w.Message)
		require.NoError(t, err)
		got := w.Message
		require.Error(t, c.Decode(bench.NewBody(body.Bytes[:len(body.Bytes)-1]), &got), c.Name)
	}
}

func TestWorkloadsHaveTheirSize(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 320, size(t, bench.Small()), 16)
	require.InDelta(t, 2_000, size(t, bench.Medium()), 100)
	require.InDelta(t, 200_000, size(t, bench.Large()), 10_000)
}

// size is the length of a message in bytes.
func size[A, K any](t *testing.T, w bench.Workload[A, K]) int {
	t.Helper()
	contenders, err := bench.Contenders(w)
	require.NoError(t, err)
	text, err := contenders[0].Encode(&w.Message)
	require.NoError(t, err)
	return len(text)
}

func TestOursIsWhatTheFormatWants(t *testing.T) {
	t.Parallel()
	w := bench.Small()
	contenders, err := bench.Contenders(w)
	require.NoError(t, err)
	text, err := contenders[0].Encode(&w.Message)
	require.NoError(t, err)
	msg, err := taskhawk.ParseMessage(string(text))
	require.NoError(t, err)
	require.Equal(t, `["gerard@example.com","Your order 8412 has been sent"]`, msg.Args)
	require.Equal(t, `{"from_email":"notifications@shop.example.com"}`, msg.Kwargs) //nolint:testifylint // byte for byte
}
