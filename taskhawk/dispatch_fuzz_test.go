package taskhawk_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// FuzzDispatch checks a promise of Dispatch for any text. Either it refuses the text
// with a typed error, or the body has only characters that SQS accepts, and the text
// comes back unchanged.
func FuzzDispatch(f *testing.F) {
	f.Add("a@b.c", "hi", "request_id", "1234", "i1")
	f.Add("Zoë 日本 😀", "\x00\x1f\x7f\"\\/<>&", "é", "\u2028\u2029", "\ufffe\uffff\ufffd")
	f.Add("\xff", "", "", "", "")
	f.Add("", "", "k", "\xed\xa0\x80", "")
	f.Add("", "", "taskhawk_x", "", "\xc3")
	f.Fuzz(func(t *testing.T, to, subject, key, value, id string) {
		email, publisher := newEmail(t)
		headers := taskhawk.Headers{key: value}
		got, err := email.Dispatch(t.Context(), emailArgs{To: to, Subject: subject, FromEmail: &subject},
			taskhawk.WithHeaders(headers), taskhawk.WithID(id))
		if err != nil {
			require.Empty(t, publisher.published())
			requireReason(t, err, to+" "+subject, key, value, id)
			return
		}
		out := publisher.last(t)
		require.Equal(t, got, out.ID)
		require.True(t, json.Valid([]byte(out.Body)))
		require.NotContains(t, out.Body, "\n")
		for _, r := range out.Body {
			require.True(t, r >= ' ' && r != '\ufffe' && r != '\uffff', "SQS refuses %U", r)
		}

		msg, err := taskhawk.ParseMessage(out.Body)
		require.NoError(t, err)
		require.Equal(t, headers, msg.Headers)
		require.Equal(t, got, msg.ID)
		args, err := email.Bind(msg)
		require.NoError(t, err)
		require.Equal(t, emailArgs{To: to, Subject: subject, FromEmail: &subject}, args)
	})
}

// requireReason wants the text that was given to be a reason for the error.
func requireReason(t *testing.T, err error, args, key, value, id string) {
	t.Helper()
	var argument *taskhawk.ArgumentError
	switch {
	case errors.Is(err, taskhawk.ErrHeader):
		good := key != "" && !strings.HasPrefix(key, "taskhawk_") && utf8.ValidString(key) && utf8.ValidString(value)
		require.False(t, good, err)
	case errors.As(err, &argument):
		require.False(t, utf8.ValidString(args))
	default:
		require.False(t, utf8.ValidString(id), err)
	}
}
