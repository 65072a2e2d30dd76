package lambdax_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax"
)

func TestHandlerTakesBothEvents(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	handle := must(lambdax.Handler(r.hub, lambdax.HandlerConfig{SQS: lambdax.SQSConfig{PartialBatch: true}}))
	call := func(event any) (string, error) {
		text, err := json.Marshal(event)
		require.NoError(t, err)
		answer, err := handle(t.Context(), text)
		encoded, failure := json.Marshal(answer)
		require.NoError(t, failure)
		return string(encoded), err
	}
	answer, err := call(doing("", "fail"))
	require.NoError(t, err)
	require.JSONEq(t, `{"batchItemFailures":[{"itemIdentifier":"m1"}]}`, answer)

	answer, err = call(published(body("do", 2, "")))
	require.NoError(t, err)
	require.Equal(t, "null", answer)
	_, err = call(published(body("do", 3, "fail")))
	require.ErrorContains(t, err, "1 of 1 records failed: record n0")
	require.Equal(t, []int{0, 1, 2, 3}, r.ran)
}

func TestHandlerRefusesOtherEvents(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	mixed := `{"Records":[{"eventSource":"aws:sqs","messageId":"m"},{"EventSource":"aws:sns"}]}`
	for text, reason := range map[string]string{
		``: "", `null`: "no records", `{}`: "no records", `[]`: "", `"x"`: "", `{"Records":[]}`: "no records", `{"Records":[{}]}`: `source ""`,
		`{"Records":[{"eventSource":"aws:s3"}]}`: `source "aws:s3"`, mixed: `source "aws:sns"`, `{"Records":7}`: "",
		`{"Records":[{"eventSource":"aws:sqs","messageId":7}]}`: "",
	} {
		_, err := must(lambdax.Handler(r.hub, lambdax.HandlerConfig{}))(t.Context(), json.RawMessage(text))
		require.ErrorIs(t, err, lambdax.ErrUnknownEvent, text)
		require.ErrorContains(t, err, "lambdax: neither an SQS event nor an SNS event: "+reason, text)
	}
	require.Empty(t, r.ran)
}
