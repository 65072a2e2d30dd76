package taskhawk_test

import (
	"encoding/base64"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// FuzzHandle checks a promise of Hub.Handle for any delivery: no panic, and either a
// handler that ran or an error of a known kind.
func FuzzHandle(f *testing.F) {
	for _, text := range wireBodies(f) {
		f.Add(text, "")
	}
	f.Add(base64.StdEncoding.EncodeToString([]byte(plainBody)), "base64")
	f.Add(`{"Type":"Notification","TopicArn":"t","Message":"{}","MessageAttributes":{"taskhawk_encoding":{"Value":"base64"}}}`, "")
	f.Fuzz(func(t *testing.T, text, encoding string) {
		var got wireWant
		err := wireHub(t, &got).Handle(t.Context(), &taskhawk.Delivery{
			Body: text, Attributes: map[string]string{"taskhawk_encoding": encoding},
		})
		if err == nil {
			require.NotEmpty(t, got.Task)
			return
		}
		require.Empty(t, got.Task)
		var message *taskhawk.MessageError
		var argument *taskhawk.ArgumentError
		known := errors.As(err, &message) || errors.As(err, &argument) || errors.Is(err, taskhawk.ErrUnknownTask)
		require.True(t, known, "%v", err)
		require.Equal(t, taskhawk.ActionRetry, taskhawk.OutcomeOf(err).Action)
		require.Less(t, len(err.Error()), 1000, "the text of an error does not grow with the body")
	})
}
