package taskhawk_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// seen runs a delivery and returns what its handler saw.
func seen(t *testing.T, d *taskhawk.Delivery) (taskhawk.Metadata, *taskhawk.Delivery) {
	t.Helper()
	var metadata taskhawk.Metadata
	var delivery *taskhawk.Delivery
	task := taskhawk.New("t", func(ctx context.Context, _ struct{}) error {
		metadata, delivery = taskhawk.MetadataFrom(ctx), taskhawk.DeliveryFrom(ctx)
		return nil
	})
	require.NoError(t, newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{task}}).Handle(t.Context(), d))
	return metadata, delivery
}

// withHeaders is a message of t with headers.
func withHeaders(t *testing.T, headers taskhawk.Headers) string {
	t.Helper()
	text, err := json.Marshal(headers)
	require.NoError(t, err)
	return `{"id":"i","metadata":{"timestamp":1,"version":"1.0"},"task":"t","headers":` + string(text) + `}`
}

func TestTraceContextOfAttributes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ headers, attributes, want taskhawk.Headers }{
		"none": {nil, taskhawk.Headers{"taskhawk_task": "t", "other": "o"}, nil},
		"all families": {
			nil,
			taskhawk.Headers{
				"traceparent": "p", "tracestate": "s", "baggage": "b", "b3": "3", "X-B3-TraceId": "i", "X-Amzn-Trace-Id": "x", "other": "o",
			},
			taskhawk.Headers{
				"traceparent": "p", "tracestate": "s", "baggage": "b", "b3": "3", "X-B3-TraceId": "i", "X-Amzn-Trace-Id": "x",
			},
		},
		"the body wins": {
			taskhawk.Headers{"traceparent": "body", "h": "v"}, taskhawk.Headers{"traceparent": "attribute"},
			taskhawk.Headers{"traceparent": "body", "h": "v"},
		},
		"in any case": {
			taskhawk.Headers{"Traceparent": "body"}, taskhawk.Headers{"TRACEPARENT": "attribute"},
			taskhawk.Headers{"Traceparent": "body"},
		},
		"a family is one sender's": {
			taskhawk.Headers{"traceparent": "body"}, taskhawk.Headers{"tracestate": "of another", "baggage": "b"},
			taskhawk.Headers{"traceparent": "body", "baggage": "b"},
		},
		"others stay attributes": {
			taskhawk.Headers{"h": "v"}, taskhawk.Headers{"b3": "3", "x-b3-": "no name", "x-b4-traceid": "no"},
			taskhawk.Headers{"h": "v", "b3": "3"},
		},
	} {
		metadata, delivery := seen(t, &taskhawk.Delivery{Body: withHeaders(t, c.headers), Attributes: c.attributes})
		require.Equal(t, c.want, metadata.Headers, name)
		require.Equal(t, map[string]string(c.attributes), delivery.Attributes, name)
	}
}

// A subscription without raw delivery puts the attributes into the envelope: a handler
// sees them as those of the delivery.
func TestAttributesOfANotification(t *testing.T) {
	t.Parallel()
	envelope, err := json.Marshal(map[string]any{
		"Type": "Notification", "TopicArn": "arn:topic", "Message": withHeaders(t, taskhawk.Headers{"h": "v"}),
		"MessageAttributes": map[string]any{
			"traceparent": map[string]any{"Type": "String", "Value": "p"},
			"count":       map[string]any{"Type": "Number", "Value": "7"},
			"binary":      map[string]any{"Type": "Binary", "Value": "AAEC"},
			"odd":         7,
		},
	})
	require.NoError(t, err)
	given := &taskhawk.Delivery{Body: string(envelope), MessageID: "m", Receipt: "r"}
	metadata, delivery := seen(t, given)
	require.Equal(t, taskhawk.Headers{"h": "v", "traceparent": "p"}, metadata.Headers)
	require.Equal(t, map[string]string{"traceparent": "p", "count": "7"}, delivery.Attributes)
	require.Equal(t, "arn:topic", metadata.Topic)
	require.Equal(t, "arn:topic", delivery.Topic)
	require.Equal(t, "r", delivery.Receipt)
	require.Nil(t, given.Attributes, "what the transport filled in stays as it was")
}
