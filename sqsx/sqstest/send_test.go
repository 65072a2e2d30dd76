package sqstest_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"
)

const mebibyte = 1 << 20

// text makes a String attribute.
func text(value string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
}

// sendError sends and returns the error's code, "" for none.
func (f *fixture) sendError(url, body string, change func(*sqs.SendMessageInput)) string {
	in := &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body}
	if change != nil {
		change(in)
	}
	_, err := f.client.SendMessage(f.Context(), in)
	return code(f.T, err)
}

func code(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var api smithy.APIError
	require.ErrorAs(t, err, &api)
	return api.ErrorCode()
}

func TestBodyCharacters(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs")
	for _, legal := range []string{"\t\n\r ~", "\u007f\u0085", "\ud7ff", "\ue000\ufffd", "\U00010000\U0010ffff", "<&>\u2028"} {
		f.send(url, legal)
		require.Equal(t, legal, *f.receiveOne(url).Body)
	}
	for _, illegal := range []string{"\x00", "a\x08", "\x0b", "\x1f", "\ufffe", "x\uffff"} {
		require.Equal(t, "InvalidMessageContents", f.sendError(url, illegal, nil), "%q", illegal)
	}
	require.Equal(t, "MissingParameter", f.sendError(url, "", nil))
}

func TestErrorTextKeepsThePayloadToItself(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs")
	_, err := f.client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("hunter2\x00")})
	require.ErrorContains(t, err, "#x0")
	require.NotContains(t, err.Error(), "hunter2")
}

func TestSizeOfAMessage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs")
	small := f.queue("small", "MaximumMessageSize", "1024")
	named := func(in *sqs.SendMessageInput) { // 1 + 6 + 93 bytes
		in.MessageAttributes = map[string]types.MessageAttributeValue{"n": text(strings.Repeat("v", 93))}
	}
	traced := func(in *sqs.SendMessageInput) {
		in.MessageSystemAttributes = map[string]types.MessageSystemAttributeValue{
			"AWSTraceHeader": {DataType: aws.String("String"), StringValue: aws.String("Root=1")},
		}
	}
	cases := []struct {
		url    string
		size   int
		change func(*sqs.SendMessageInput)
		want   string
	}{
		{url, mebibyte, nil, ""},
		{url, mebibyte + 1, nil, "InvalidParameterValue"},
		{url, mebibyte - 100, named, ""},
		{url, mebibyte - 99, named, "InvalidParameterValue"},
		{url, mebibyte, traced, ""},
		{small, 1024, nil, ""},
		{small, 1025, nil, "InvalidParameterValue"},
	}
	for _, c := range cases {
		require.Equal(t, c.want, f.sendError(c.url, strings.Repeat("x", c.size), c.change), "%d bytes", c.size)
	}
}

func TestDelayOfAMessage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs")
	for delay, want := range map[int32]string{-1: "InvalidParameterValue", 1: "", 900: "", 901: "InvalidParameterValue"} {
		require.Equal(t, want, f.sendError(url, "a", func(in *sqs.SendMessageInput) { in.DelaySeconds = delay }), "%d", delay)
	}
	require.Equal(t, 2, f.Queue("jobs").Delayed)
	require.Equal(t, map[string]int{"InvalidParameterValue": 2}, f.ClientErrors())
}

func TestAttributeRules(t *testing.T) {
	t.Parallel()
	number := func(value string) types.MessageAttributeValue {
		return types.MessageAttributeValue{DataType: aws.String("Number"), StringValue: &value}
	}
	typed := func(dataType string) types.MessageAttributeValue {
		return types.MessageAttributeValue{DataType: &dataType, StringValue: aws.String("1")}
	}
	binary := types.MessageAttributeValue{DataType: aws.String("Binary"), BinaryValue: []byte{0}}
	const invalid = "InvalidParameterValue"
	cases := []struct {
		name  string
		value types.MessageAttributeValue
		want  string
	}{
		{"aZ0_-.b", text("v"), ""},
		{strings.Repeat("n", 256), text("v"), ""},
		{strings.Repeat("n", 257), text("v"), invalid},
		{"", text("v"), invalid},
		{"a b", text("v"), invalid},
		{"a\r\nb", text("v"), invalid},
		{"é", text("v"), invalid},
		{".a", text("v"), invalid},
		{"a.", text("v"), invalid},
		{"a..b", text("v"), invalid},
		{"AWS.x", text("v"), invalid},
		{"amazon.x", text("v"), invalid},
		{"Amazonian", text("v"), ""},
		{"empty", text(""), invalid},
		{"control", text("\x01"), invalid},
		{"none", types.MessageAttributeValue{DataType: aws.String("String")}, invalid},
		{"number", number("-12.5e3"), ""},
		{"whole", number(strings.Repeat("9", 38)), ""},
		{"precise", number(strings.Repeat("9", 39)), invalid},
		{"huge", number("1e127"), invalid},
		{"nan", number("NaN"), invalid},
		{"hex", number("0x10"), invalid},
		{"word", number("one"), invalid},
		{"bytes", binary, ""},
		{"bytesAsText", types.MessageAttributeValue{DataType: aws.String("Binary"), StringValue: aws.String("x")}, invalid},
		{"textAsBytes", types.MessageAttributeValue{DataType: aws.String("String"), BinaryValue: []byte("x")}, invalid},
		{"custom", typed("String.json"), ""},
		{"customNumber", typed("Number.int"), ""},
		{"customEmpty", typed("String."), invalid},
		{"type", typed("Stringy"), invalid},
		{"lowerType", typed("string"), invalid},
		{"noType", typed(""), invalid},
		{"longType", typed("String." + strings.Repeat("x", 250)), invalid},
		{"list", types.MessageAttributeValue{DataType: aws.String("String"), StringListValues: []string{"a"}}, "AWS.SimpleQueueService.UnsupportedOperation"},
	}
	for _, c := range cases {
		t.Run(c.name[:min(len(c.name), 20)], func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			url := f.queue("jobs")
			require.Equal(t, c.want, f.sendError(url, "a", func(in *sqs.SendMessageInput) {
				in.MessageAttributes = map[string]types.MessageAttributeValue{c.name: c.value}
			}))
		})
	}
}

func TestTenAttributesAtMost(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs")
	attributes := map[string]types.MessageAttributeValue{}
	for i := range 10 {
		attributes[string(rune('a'+i))] = text("v")
	}
	set := func(in *sqs.SendMessageInput) { in.MessageAttributes = attributes }
	require.Empty(t, f.sendError(url, "a", set))
	attributes["eleventh"] = text("v")
	require.Equal(t, "InvalidParameterValue", f.sendError(url, "a", set))
}

func TestSystemAttributeIsTheTraceHeaderOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs")
	system := func(name string, value types.MessageSystemAttributeValue) func(*sqs.SendMessageInput) {
		return func(in *sqs.SendMessageInput) {
			in.MessageSystemAttributes = map[string]types.MessageSystemAttributeValue{name: value}
		}
	}
	trace := types.MessageSystemAttributeValue{DataType: aws.String("String"), StringValue: aws.String("Root=1-5759e988")}
	require.Equal(t, "InvalidParameterValue", f.sendError(url, "a", system("SenderId", trace)))
	require.Equal(t, "InvalidParameterValue", f.sendError(url, "a", system("AWSTraceHeader",
		types.MessageSystemAttributeValue{DataType: aws.String("Number"), StringValue: aws.String("1")})))
	out := f.send(url, "a", system("AWSTraceHeader", trace))
	require.Len(t, *out.MD5OfMessageSystemAttributes, 32)
	require.Equal(t, "Root=1-5759e988", f.receiveOne(url, everything).Attributes["AWSTraceHeader"])
}

// The sums are those of OpenSSL and of the worked example that other SQS clients
// are tested with: a Number "timestamp" of 1493147359900.
func TestMD5(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs")
	out := f.send(url, "derp", func(in *sqs.SendMessageInput) {
		in.MessageAttributes = map[string]types.MessageAttributeValue{
			"timestamp": {DataType: aws.String("Number"), StringValue: aws.String("1493147359900")},
		}
	})
	require.Equal(t, "58fd9edd83341c29f1aebba81c31e257", *out.MD5OfMessageBody)
	require.Equal(t, "235c5c510d26fb653d073faed50ae77c", *out.MD5OfMessageAttributes)
	require.Nil(t, out.MD5OfMessageSystemAttributes)
	bytes := f.send(url, "derp", func(in *sqs.SendMessageInput) {
		in.MessageAttributes = map[string]types.MessageAttributeValue{
			"timestamp": {DataType: aws.String("Binary"), BinaryValue: []byte("1493147359900")},
		}
	})
	require.NotEqual(t, *out.MD5OfMessageAttributes, *bytes.MD5OfMessageAttributes)
}
