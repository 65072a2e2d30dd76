package letters //nolint:testpackage // the form of files is the subject

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/sqsx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func all(t *testing.T, text string, skip int) (letters []sqsx.DeadLetter, err error) {
	t.Helper()
	for letter, err := range readLetters(strings.NewReader(text), skip) {
		if err != nil {
			return letters, err
		}
		letters = append(letters, letter)
	}
	return letters, nil
}

func TestLettersAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	letters := []sqsx.DeadLetter{
		{
			Queue: "q", MessageID: "m", ID: "i", Task: "t", Reason: "<r>", Attempt: 2, Receives: 3, Group: "g", Size: 9, Trace: "Root=1",
			Dispatched: time.UnixMilli(1).UTC(), Sent: time.UnixMilli(2).UTC(), Body: "\u2028 <é> \t\U0001f600",
			Attributes: map[string]types.MessageAttributeValue{
				"s": {DataType: aws.String("String"), StringValue: aws.String("v")},
				"b": {DataType: aws.String("Binary.gif"), BinaryValue: []byte{0, 255}},
			},
		},
		{Queue: "q", Body: "not a message"},
	}
	var out bytes.Buffer
	require.NoError(t, writeLetters(&out, letters))
	require.Equal(t, 2, strings.Count(out.String(), "\n"))
	found, err := all(t, "\n"+out.String()+"\n", 0)
	require.NoError(t, err)
	require.Equal(t, letters, found)
	found, err = all(t, out.String(), 1)
	require.NoError(t, err)
	require.Equal(t, letters[1:], found)
}

func TestLinesThatAreNoLettersAreNamed(t *testing.T) {
	t.Parallel()
	good := `{"queue":"q","body":"b"}` + "\n"
	for _, wrong := range []string{"{", "[]", "1", `{"queue":"q"}`, `{"body":"b"}`, `{"queue":1,"body":"b"}`} {
		letters, err := all(t, good+"\n"+wrong+"\n"+good, 0)
		require.ErrorIs(t, err, errLine)
		require.ErrorContains(t, err, "line 3: ")
		require.Len(t, letters, 1)
	}
	_, err := all(t, good+strings.Repeat("x", maxLine+1), 0)
	require.ErrorContains(t, err, "line 2: ")
}

// What is read is what was written, and nothing panics.
func FuzzReadLetters(f *testing.F) {
	f.Add(`{"queue":"q","body":"b","attributes":{"a":{"type":"Binary","base64":"AA=="}},"sent":"2026-11-29T03:00:00Z"}`)
	f.Add(`{"queue":"q","body":"\ud800","attributes":{"a":{}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		letters, _ := all(t, text, 0)
		var out bytes.Buffer
		require.NoError(t, writeLetters(&out, letters))
		again, err := all(t, out.String(), 0)
		require.NoError(t, err)
		require.Len(t, again, len(letters))
		for i := range letters {
			require.Equal(t, letters[i].Body, again[i].Body)
			require.Equal(t, letters[i].Attributes, again[i].Attributes)
		}
	})
}

func TestOutlineShowsNoValue(t *testing.T) {
	t.Parallel()
	body := `{"id":"i","metadata":{"priority":"high","timestamp":1,"version":"1.0"},"headers":{"h":"secret"},"task":"t","args":["secret",2],"kwargs":{"b":"secret","a":1}}`
	require.Equal(t, "2 positional; keyword: a, b; headers: h", outline(body))
	require.Equal(t, "not a message of Taskhawk", outline("secret"))
	require.Equal(t, []string{"{", "  \"a\": \"\ufffd\"", "}"}, strings.Split(pretty("{\"a\":\"\x7f\"}"), "\n"))
	require.Equal(t, "a�b", pretty("a\x1bb"))
}
