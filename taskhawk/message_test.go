package taskhawk_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// received runs a delivery with the given body and attributes, and returns the arguments
// that send_email got.
func received(t *testing.T, text string, attributes map[string]string) (got []emailArgs, err error) {
	t.Helper()
	email := taskhawk.New("tasks.send_email", func(_ context.Context, args emailArgs) error {
		got = append(got, args)
		return nil
	})
	hub := newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{email}})
	err = hub.Handle(t.Context(), &taskhawk.Delivery{Body: text, Attributes: attributes})
	return got, err
}

// notification wraps text as SNS does, with other members changed.
func notification(t *testing.T, text string, change func(map[string]any)) string {
	t.Helper()
	n := map[string]any{
		"Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:us-east-1:123456789012:taskhawk-x", "Message": text,
		"Timestamp": "2026-11-23T09:46:57.183Z", "SignatureVersion": "1",
	}
	change(n)
	wrapped, err := json.Marshal(n)
	require.NoError(t, err)
	return string(wrapped)
}

func unchanged(map[string]any) {}

func TestSNSNotificationsAreUnwrapped(t *testing.T) {
	t.Parallel()
	want := []emailArgs{{To: "a@b.c", Subject: "hi"}}
	got, err := received(t, notification(t, plainBody, unchanged), nil)
	require.NoError(t, err)
	require.Equal(t, want, got)

	got, err = received(t, notification(t, plainBody, func(n map[string]any) {
		n["MessageAttributes"] = map[string]any{
			"request_id": map[string]any{"Type": "String", "Value": "1234"},
			"count":      map[string]any{"Type": "Number", "Value": "5"},
			"raw":        map[string]any{"Type": "Binary", "Value": "AAEC"},
		}
	}), nil)
	require.NoError(t, err)
	require.Equal(t, want, got)

	encoded := base64.StdEncoding.EncodeToString([]byte(plainBody))
	got, err = received(t, notification(t, encoded, func(n map[string]any) {
		n["MessageAttributes"] = map[string]any{"taskhawk_encoding": map[string]any{"Type": "String", "Value": "base64"}}
	}), nil)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestTheCapturedNotificationRuns(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("testdata/wire/sns-envelope-sample.json")
	require.NoError(t, err)
	var sample struct{ Body string }
	require.NoError(t, json.Unmarshal(file, &sample))
	got, err := received(t, sample.Body, nil)
	require.NoError(t, err)
	from := "me@x.y"
	require.Equal(t, []emailArgs{{To: "a@b.c", Subject: "hi", FromEmail: &from}}, got)
}

func TestWhatOnlyLooksLikeANotificationIsRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"another type":   notification(t, plainBody, func(n map[string]any) { n["Type"] = "SubscriptionConfirmation" }),
		"no topic":       notification(t, plainBody, func(n map[string]any) { delete(n, "TopicArn") }),
		"no message":     notification(t, plainBody, func(n map[string]any) { delete(n, "Message") }),
		"null message":   notification(t, plainBody, func(n map[string]any) { n["Message"] = nil }),
		"object message": notification(t, plainBody, func(n map[string]any) { n["Message"] = map[string]any{} }),
		"wrapped twice":  notification(t, notification(t, plainBody, unchanged), unchanged),
		"broken message": notification(t, plainBody[1:], unchanged),
		"broken base64": notification(t, plainBody, func(n map[string]any) {
			n["MessageAttributes"] = map[string]any{"taskhawk_encoding": map[string]any{"Type": "String", "Value": "base64"}}
		}),
		"cut off":        notification(t, plainBody, unchanged)[:300],
		"word in a text": `{"id":"\"Notification\"","x":"Notification"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := received(t, text, nil)
			require.Empty(t, got)
			var refused *taskhawk.MessageError
			require.ErrorAs(t, err, &refused)
		})
	}
}

func TestBase64BodiesAreDecoded(t *testing.T) {
	t.Parallel()
	attributes := map[string]string{"taskhawk_encoding": "base64", "request_id": "1234"}
	got, err := received(t, base64.StdEncoding.EncodeToString([]byte(plainBody)), attributes)
	require.NoError(t, err)
	require.Equal(t, []emailArgs{{To: "a@b.c", Subject: "hi"}}, got)

	for name, c := range map[string]struct{ text, encoding, reason string }{
		"not base64":       {plainBody, "base64", "the body is not base64, as its attribute taskhawk_encoding says"},
		"URL alphabet":     {"-_-_", "base64", "the body is not base64, as its attribute taskhawk_encoding says"},
		"another encoding": {plainBody, "gzip", "the attribute taskhawk_encoding is not base64"},
		"another case":     {plainBody, "BASE64", "the attribute taskhawk_encoding is not base64"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := received(t, c.text, map[string]string{"taskhawk_encoding": c.encoding})
			require.Empty(t, got)
			require.EqualError(t, err, "not a taskhawk message: "+c.reason)
		})
	}
	got, err = received(t, base64.StdEncoding.EncodeToString([]byte("\x00\xff")), attributes)
	require.Empty(t, got)
	require.EqualError(t, err, "not a taskhawk message: the body is not a JSON object")
}

func TestAnyOtherAttributeIsIgnored(t *testing.T) {
	t.Parallel()
	got, err := received(t, plainBody, map[string]string{"taskhawk_task": "tasks.other", "taskhawk_encoding": "", "id": "x"})
	require.NoError(t, err, "the body is the truth")
	require.Len(t, got, 1)
}
