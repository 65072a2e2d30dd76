package lambdax_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

const topic = "arn:aws:sns:us-east-1:123456789012:taskhawk-dev-myapp"

// published is an event with a notification for each body.
func published(bodies ...string) events.SNSEvent {
	var event events.SNSEvent
	for n, text := range bodies {
		event.Records = append(event.Records, events.SNSEventRecord{EventSource: "aws:sns", SNS: events.SNSEntity{
			Type: "Notification", MessageID: fmt.Sprint("n", n), TopicArn: topic, Message: text, Timestamp: time.UnixMilli(1520621625029),
		}})
	}
	return event
}

func TestSNSRunsAllRecords(t *testing.T) {
	t.Parallel()
	r := newEnv(t)
	handle := must(lambdax.SNS(r.hub, lambdax.SNSConfig{}))
	require.NoError(t, handle(t.Context(), published(body("do", 0, ""), body("do", 1, "ignore"))))
	r.ran = nil

	err := handle(t.Context(), published(body("do", 0, "panic"), body("do", 1, "goexit"), secret, body("do", 3, "permanent"), body("do", 4, "")))
	require.Equal(t, []int{0, 1, 3, 4}, r.ran)
	require.ErrorContains(t, err, "lambdax: 4 of 5 records failed: record n0: panic (string); record n1: ")
	require.ErrorIs(t, err, errDown)
	require.NotContains(t, err.Error(), secret)
	var record *lambdax.RecordError
	require.ErrorAs(t, err, &record)
	require.Equal(t, "n0", record.MessageID)
}

// The settings of a function for a topic have an effect. Handlers end one and a quarter
// of Margin before the deadline.
func TestSNSConfig(t *testing.T) {
	t.Parallel()
	event := published(body("do", 0, "second"), body("do", 1, "second"), body("do", 2, "second"), body("do", 3, "wait"))
	for name, c := range map[string]struct {
		config lambdax.SNSConfig
		took   time.Duration
	}{
		"at once":  {lambdax.SNSConfig{Concurrency: 4, Margin: 3 * time.Second}, 6250 * time.Millisecond},
		"in turns": {lambdax.SNSConfig{Concurrency: 1, Margin: 2 * time.Second}, 7500 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newEnv(t)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			start := time.Now()
			require.ErrorIs(t, must(lambdax.SNS(r.hub, c.config))(ctx, event), lambdax.ErrDeadline, name)
			require.Equal(t, c.took, time.Since(start), name)
			require.Len(t, r.ran, 4)
			if c.config.Concurrency == 1 {
				require.Equal(t, []int{0, 1, 2, 3}, r.ran, "one after another")
			}

			start = time.Now()
			seconds := published(body("do", 0, "second"), body("do", 1, "second"), body("do", 2, "second"), body("do", 3, "second"))
			require.NoError(t, must(lambdax.SNS(r.hub, c.config))(t.Context(), seconds))
			require.Equal(t, 4*time.Second/time.Duration(c.config.Concurrency), time.Since(start), name)
		})
	}
}

func TestSNSMetadata(t *testing.T) {
	t.Parallel()
	var extended error
	var record events.SNSEventRecord
	r := newEnv(t, taskhawk.New("extends", func(ctx context.Context, _ struct{}) error {
		extended = taskhawk.ExtendVisibility(ctx, time.Minute)
		record, _ = lambdax.SNSRecordFrom(ctx)
		_, ok := lambdax.SQSMessageFrom(ctx)
		require.False(t, ok)
		return nil
	}))
	text := `{"id":"i","metadata":{"timestamp":1,"version":"1.0"},"task":"extends"}`
	require.NoError(t, must(lambdax.SNS(r.hub, lambdax.SNSConfig{}))(t.Context(), published(text, body("do", 7, ""))))
	require.ErrorIs(t, extended, taskhawk.ErrNoVisibility)
	require.Equal(t, text, record.SNS.Message)
	require.Equal(t, []taskhawk.Metadata{{
		ID: "i7", Task: "do", Priority: taskhawk.High, Headers: taskhawk.Headers{"h": "v"},
		Timestamp: time.UnixMilli(1460868253255).UTC(), Version: "1.0", Attempt: 1, MessageID: "n1", Topic: topic,
	}}, r.seen)
	_, ok := lambdax.SNSRecordFrom(t.Context())
	require.False(t, ok)
}

func TestSNSAttributesOfAnyType(t *testing.T) {
	t.Parallel()
	r := newEnv(t)
	event := published(body("do", 1, ""), "eyJpZCI6ImkiLCJtZXRhZGF0YSI6eyJ0aW1lc3RhbXAiOjEsInZlcnNpb24iOiIxLjAifSwidGFzayI6ImRvIiwiYXJncyI6WzIsIiJdfQ==")
	event.Records[0].SNS.MessageAttributes = map[string]any{
		"nil": nil, "number": 1.5, "text": "x", "list": []any{1}, "empty": map[string]any{}, "wrong": map[string]any{"Type": 1, "Value": 2},
		"taskhawk_encoding": map[string]any{"Type": "Binary", "Value": "base64"},
	}
	event.Records[1].SNS.MessageAttributes = map[string]any{"taskhawk_encoding": map[string]any{"Type": "String", "Value": "base64"}}
	require.NoError(t, must(lambdax.SNS(r.hub, lambdax.SNSConfig{}))(t.Context(), event))
	require.Equal(t, []int{1, 2}, r.ran)
}

// Whichever way a message takes to a function, its trace context and its attributes are
// there.
func TestTraceContextAgreesOnAllWays(t *testing.T) {
	t.Parallel()
	var headers []taskhawk.Headers
	var attributes []map[string]string
	task := taskhawk.New("traced", func(ctx context.Context, _ doArgs) error {
		headers = append(headers, taskhawk.MetadataFrom(ctx).Headers)
		attributes = append(attributes, taskhawk.DeliveryFrom(ctx).Attributes)
		return nil
	})
	r := newEnv(t, task)
	text := body("traced", 0, "")
	raw := message(0, text)
	raw.MessageAttributes = map[string]events.SQSMessageAttribute{
		"traceparent": {DataType: "String", StringValue: aws.String("p")}, "n": {DataType: "Number", StringValue: aws.String("7")},
	}
	noted := map[string]any{
		"traceparent": map[string]any{"Type": "String", "Value": "p"}, "n": map[string]any{"Type": "Number", "Value": "7"},
	}
	envelope, err := json.Marshal(map[string]any{
		"Type": "Notification", "TopicArn": topic, "Message": text, "MessageAttributes": noted,
	})
	require.NoError(t, err)
	sqs := must(lambdax.SQS(r.hub, lambdax.SQSConfig{}))
	_, err = sqs(t.Context(), events.SQSEvent{Records: []events.SQSMessage{raw, message(1, string(envelope))}})
	require.NoError(t, err)
	event := published(text)
	event.Records[0].SNS.MessageAttributes = noted
	require.NoError(t, must(lambdax.SNS(r.hub, lambdax.SNSConfig{}))(t.Context(), event))
	require.Len(t, headers, 3)
	for i := range headers {
		require.Equal(t, "p", headers[i]["traceparent"])
		require.Equal(t, headers[0], headers[i])
		require.Equal(t, map[string]string{"traceparent": "p", "n": "7"}, attributes[i])
	}
}
