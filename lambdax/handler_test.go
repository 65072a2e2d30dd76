package lambdax_test

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax"
)

func TestHandlerTakesBothEvents(t *testing.T) {
	t.Parallel()
	r := newEnv(t)
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
	r := newEnv(t)
	mixed := `{"Records":[{"eventSource":"aws:sqs","messageId":"m"},{"EventSource":"aws:sns"}]}`
	for text, reason := range map[string]string{
		``: "", `null`: "no records", `{}`: "no records", `[]`: "", `"x"`: "", `{"Records":[]}`: "no records", `{"Records":[{}]}`: `source ""`,
		`{"Records":[{"eventSource":"aws:s3"}]}`: `source "aws:s3"`, mixed: `source "aws:sns"`, `{"Records":7}`: "",
		`{"Records":[{"eventSource":"aws:sqs","messageId":7}]}`: "",
	} {
		_, err := must(lambdax.Handler(r.hub, lambdax.HandlerConfig{}))(t.Context(), json.RawMessage(text))
		require.ErrorIs(t, err, lambdax.ErrUnknownEvent, text)
		require.ErrorContains(t, err, "lambdax: unknown event: "+reason, text)
	}
	require.Empty(t, r.ran)
}

// A function that is wired to the wrong source must not drop what it gets.
func TestHandlersRefuseEventsOfOtherSources(t *testing.T) {
	t.Parallel()
	r := newEnv(t)
	sqs, sns := must(lambdax.SQS(r.hub, lambdax.SQSConfig{PartialBatch: true})), must(lambdax.SNS(r.hub, lambdax.SNSConfig{}))
	for text, reasons := range map[string][2]string{
		`{}`:               {"no records", "no records"},
		`{"key1":"value"}`: {"no records", "no records"},
		`{"version":"0","id":"x","detail-type":"Scheduled Event","source":"aws.events"}`: {"no records", "no records"},
		`{"Records":[{"eventSource":"aws:s3"}]}`:                                         {`source "aws:s3"`, `source "aws:s3"`},
		`{"Records":[{"EventSource":"aws:sns","Sns":{"Message":"x"}}]}`:                  {"use lambdax.SNS", ""},
		`{"Records":[{"eventSource":"aws:sqs","body":"x"}]}`:                             {"", "use lambdax.SQS"},
	} {
		var queued events.SQSEvent
		var published events.SNSEvent
		require.NoError(t, json.Unmarshal([]byte(text), &queued))
		require.NoError(t, json.Unmarshal([]byte(text), &published))
		if reasons[0] != "" {
			_, err := sqs(t.Context(), queued)
			require.ErrorIs(t, err, lambdax.ErrUnknownEvent, text)
			require.ErrorContains(t, err, reasons[0])
		}
		if reasons[1] != "" {
			err := sns(t.Context(), published)
			require.ErrorIs(t, err, lambdax.ErrUnknownEvent, text)
			require.ErrorContains(t, err, reasons[1])
		}
	}
	require.Empty(t, r.ran)
}
