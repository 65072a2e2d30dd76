package codec_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/codec"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) { os.Exit(writeAnswers(code)) }))
}

// of returns the codec of T.
func of[T any](t testing.TB) *codec.Codec[T] {
	t.Helper()
	c, err := codec.Of[T]()
	require.NoError(t, err)
	return c
}

// encode returns what Append writes.
func encode[T any](t testing.TB, v T) string {
	t.Helper()
	dst, err := of[T](t).Append(nil, &v)
	require.NoError(t, err)
	return string(dst)
}

// decode returns what Decode reads.
func decode[T any](t testing.TB, args, kwargs string) (T, error) {
	t.Helper()
	var v T
	err := of[T](t).Decode(args, kwargs, &v)
	return v, err
}

type sendEmail struct {
	To        string
	Subject   string
	FromEmail *string `taskhawk:"from_email,kw,optional"`
}

func TestAppendWritesLeadingArgsThenKwargs(t *testing.T) {
	t.Parallel()
	require.Equal(t, `"args":["a@example.com","Hello!"],"kwargs":{}`, encode(t, sendEmail{To: "a@example.com", Subject: "Hello!"}))
	from := "b@example.com"
	require.Equal(t, `"args":["a@example.com","<Hi>"],"kwargs":{"from_email":"b@example.com"}`,
		encode(t, sendEmail{To: "a@example.com", Subject: "<Hi>", FromEmail: &from}))
}

func TestAppendExtendsTheCallersSlice(t *testing.T) {
	t.Parallel()
	buffer := make([]byte, 100)
	dst, err := of[sendEmail](t).Append(buffer[:2], &sendEmail{To: "a"})
	require.NoError(t, err)
	require.Equal(t, "\x00\x00"+`"args":["a",""],"kwargs":{}`, string(dst))
	require.Same(t, &buffer[0], &dst[0], "there was room")
}

func TestAppendKeyword(t *testing.T) {
	t.Parallel()
	c := of[sendEmail](t)
	dst, err := c.AppendKeyword(nil, &sendEmail{To: "a", Subject: "s"})
	require.NoError(t, err)
	require.Equal(t, `"args":[],"kwargs":{"to":"a","subject":"s"}`, string(dst))
	var back sendEmail
	require.NoError(t, c.Decode(`[]`, `{"to":"a","subject":"s"}`, &back))
	require.Equal(t, sendEmail{To: "a", Subject: "s"}, back)
}

func TestAppendFromTheFirstOptionalFieldOnAllGoToKwargs(t *testing.T) {
	t.Parallel()
	type mixed struct {
		A int
		B int `taskhawk:",optional"`
		C int
		D int `taskhawk:",kw"`
		E int
	}
	require.Equal(t, `"args":[1],"kwargs":{"c":0,"d":0,"e":0}`, encode(t, mixed{A: 1}))
	require.Equal(t, `"args":[0],"kwargs":{"b":2,"c":3,"d":4,"e":5}`, encode(t, mixed{B: 2, C: 3, D: 4, E: 5}))
	back, err := decode[mixed](t, `[1,2,3,5]`, `{"d":4}`)
	require.NoError(t, err)
	require.Equal(t, mixed{1, 2, 3, 4, 5}, back, "args skip keyword-only parameters")
}

func TestAppendNilsOfRequiredParameters(t *testing.T) {
	t.Parallel()
	type nils struct {
		P *int
		S []string
		M map[string]int
		I any
		B []byte
	}
	require.Equal(t, `"args":[null,null,null,null,null],"kwargs":{}`, encode(t, nils{}))
	back, err := decode[nils](t, `[null,null,null,null,null]`, ``)
	require.NoError(t, err)
	require.Equal(t, nils{}, back)
}

func TestAppendErrorRestoresLength(t *testing.T) {
	t.Parallel()
	dst, err := of[sendEmail](t).Append([]byte("before"), &sendEmail{To: "ok", Subject: "\xff"})
	require.ErrorIs(t, err, codec.ErrInvalidUTF8)
	require.Equal(t, "before", string(dst))
}

func TestDecodeOverwritesAll(t *testing.T) {
	t.Parallel()
	from := "old"
	v := sendEmail{To: "old", Subject: "old", FromEmail: &from}
	require.NoError(t, of[sendEmail](t).Decode(`["new","s"]`, `{}`, &v))
	require.Equal(t, sendEmail{To: "new", Subject: "s"}, v)
	require.Equal(t, "old", from)
}

func TestNoParameters(t *testing.T) {
	t.Parallel()
	require.Equal(t, `"args":[],"kwargs":{}`, encode(t, struct{}{}))
	_, err := decode[struct{}](t, `[]`, `null`)
	require.NoError(t, err)
	_, err = decode[struct{}](t, `[1]`, ``)
	require.ErrorIs(t, err, codec.ErrTooManyArgs)
}
