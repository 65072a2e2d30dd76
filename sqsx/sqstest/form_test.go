package sqstest_test

import (
	"context"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// postForm makes a request of SNS as no SDK would make it.
func postForm(server *sqstest.Server, form string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/", strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	w := httptest.NewRecorder()
	server.ServeHTTP(w, r)
	return w
}

// snsAnswer is the part that all answers of SNS share.
type snsAnswer struct {
	XMLName xml.Name
	Error   struct{ Type, Code, Message string }
}

const jobsTopic = "TopicArn=arn:aws:sns:us-east-1:000000000000:jobs"

func TestRefusesFormsThatAreNotOfTheProtocol(t *testing.T) {
	t.Parallel()
	const publish = "Action=Publish&Version=2010-03-31&" + jobsTopic + "&"
	const batch = "Action=PublishBatch&Version=2010-03-31&" + jobsTopic + "&"
	const attribute = publish + "Message=a&MessageAttributes."
	for name, c := range map[string]struct{ form, code, text string }{
		"no version":          {"Action=Publish", "NoSuchVersion", "2010-03-31"},
		"another operation":   {"Action=SendMessage&Version=2010-03-31", "InvalidAction", "not known"},
		"no operation":        {"Version=2010-03-31", "InvalidAction", "not known"},
		"no form":             {"%zz", "InvalidParameter", "not a form"},
		"semicolon":           {"a=b;c=d", "InvalidParameter", "not a form"},
		"invalid UTF-8":       {publish + "Message=%ff", "InvalidParameter", "UTF-8"},
		"given twice":         {publish + "Message=a&Message=b", "InvalidParameter", "Message is given twice"},
		"unknown":             {publish + "Message=a&Priority=1", "InvalidParameter", "Priority"},
		"another case":        {publish + "message=a", "InvalidParameter", "Message"},
		"missing":             {publish, "InvalidParameter", "Message Reason: no value for required parameter"},
		"a text with members": {publish + "Message.a=a", "InvalidParameter", "Message is a text"},
		"text and members":    {publish + "Message=a&Message.b=c", "InvalidParameter", "Message"},
		"too deep":            {publish + "Message=a&" + strings.Repeat("a.", 12) + "a=b", "InvalidParameter", "does not go"},
		"a list as a text":    {batch + "PublishBatchRequestEntries=x", "InvalidParameter", "a list"},
		"a list without number": {
			batch + "PublishBatchRequestEntries.member=x", "InvalidParameter", "PublishBatchRequestEntries is a list",
		},
		"a list from 0": {
			batch + "PublishBatchRequestEntries.member.0.Id=x&PublishBatchRequestEntries.member.0.Message=x",
			"InvalidParameter", "numbered",
		},
		"a list of texts": {batch + "PublishBatchRequestEntries.member.1=x", "InvalidParameter", "1 has members"},
		"a list by another name": {
			batch + "PublishBatchRequestEntries.entry.1.Id=x", "InvalidParameter", "PublishBatchRequestEntries.entry",
		},
		"unknown in a list": {
			batch + "PublishBatchRequestEntries.member.1.Id=x&PublishBatchRequestEntries.member.1.Message=x&" +
				"PublishBatchRequestEntries.member.1.Delay=1", "InvalidParameter", "PublishBatchRequestEntries.1.Delay",
		},
		"missing in a list":    {batch + "PublishBatchRequestEntries.member.1.Id=x", "InvalidParameter", "1.Message Reason"},
		"a map without a name": {attribute + "entry.1.Value.DataType=String", "InvalidParameter", "one Name and one Value"},
		"a map with more": {
			attribute + "entry.1.Name=n&MessageAttributes.entry.1.Value.DataType=String&MessageAttributes.entry.1.X=y",
			"InvalidParameter", "one Name and one Value",
		},
		"a name twice in a map": {
			attribute + "entry.1.Name=n&MessageAttributes.entry.1.Value.DataType=String&" +
				"MessageAttributes.entry.2.Name=n&MessageAttributes.entry.2.Value.DataType=String", "InvalidParameter", "repeats",
		},
		"no base64": {
			attribute + "entry.1.Name=n&MessageAttributes.entry.1.Value.DataType=Binary&" +
				"MessageAttributes.entry.1.Value.BinaryValue=*", "InvalidParameter", "base64",
		},
		"no bool": {
			"Action=Subscribe&Version=2010-03-31&Protocol=sqs&ReturnSubscriptionArn=1&" + jobsTopic, "InvalidParameter", "true or false",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newSNSFixture(t)
			f.topic("jobs")
			w := postForm(f.Server, c.form)
			var answer snsAnswer
			require.NoError(t, xml.Unmarshal(w.Body.Bytes(), &answer), w.Body.String())
			require.Equal(t, "ErrorResponse", answer.XMLName.Local)
			require.Equal(t, "Sender", answer.Error.Type)
			require.Equal(t, c.code, answer.Error.Code, answer.Error.Message)
			require.Contains(t, answer.Error.Message, c.text)
			require.Equal(t, map[string]int{c.code: 1}, f.ClientErrors())
		})
	}
}

func TestAnswersOfTheQueryProtocol(t *testing.T) {
	t.Parallel()
	f := newSNSFixture(t)
	f.topic("jobs")
	w := postForm(f.Server, "Action=Publish&Version=2010-03-31&Message=a%26b&"+jobsTopic)
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "text/xml", w.Header().Get("Content-Type"))
	require.Regexp(t, `^<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>[0-9a-f-]{36}</MessageId>`+
		`</PublishResult><ResponseMetadata><RequestId>[0-9a-f-]{36}</RequestId></ResponseMetadata></PublishResponse>$`, w.Body.String())
	w = postForm(f.Server, "Action=Publish&Version=2010-03-31&Message=a&"+jobsTopic+"x")
	require.Equal(t, http.StatusNotFound, w.Code)
}

// Faults act on SNS as on SQS.
func TestFaultsOfTopics(t *testing.T) {
	t.Parallel()
	inSNSBubble(t, func(f *snsFixture) {
		jobs, other := f.topic("jobs"), f.topic("other")
		once := f.SNSClient(func(o *sns.Options) { o.RetryMaxAttempts = 1 })
		publish := func(topic string) error {
			_, err := once.Publish(f.Context(), &sns.PublishInput{TopicArn: &topic, Message: aws.String("a")})
			return err
		}
		throttled := f.Inject(sqstest.Fault{
			On: sqstest.OpPublish, Topic: "jobs", Nth: 2, Do: sqstest.Error("Throttled", "slow down"),
		})
		require.NoError(f, publish(other))
		require.NoError(f, publish(jobs))
		requireCode(f.T, publish(jobs), "Throttled", "slow down")
		require.NoError(f, publish(jobs))
		require.Equal(f, 1, throttled.Fired())
		require.Empty(f, f.ClientErrors(), "a fault is nobody's error")

		lost := f.Inject(sqstest.Fault{On: sqstest.OpPublish, Nth: 1, After: true, Do: sqstest.Reset()})
		published := f.Ledger().Count(sqstest.Published)
		require.Error(f, publish(jobs))
		require.Equal(f, published+1, f.Ledger().Count(sqstest.Published))
		lost.Remove()

		f.Inject(sqstest.Fault{On: sqstest.OpPublishBatch, Nth: 1, Do: sqstest.FailEntries("InternalError", false, 1)})
		out, err := once.PublishBatch(f.Context(), batch(jobs, entry("a", "1"), entry("b", "2")))
		require.NoError(f, err)
		require.Equal(f, "b InternalError", *out.Failed[0].Id+" "+*out.Failed[0].Code)
		require.False(f, out.Failed[0].SenderFault)

		f.Inject(sqstest.Fault{On: sqstest.OpPublish, Nth: 1, Do: sqstest.Silence()})
		ctx, cancel := context.WithTimeout(f.Context(), time.Second)
		defer cancel()
		_, err = once.Publish(ctx, &sns.PublishInput{TopicArn: &jobs, Message: aws.String("a")})
		require.ErrorIs(f, err, context.DeadlineExceeded)

		f.Inject(sqstest.Fault{On: sqstest.OpPublish, Nth: 1, Do: sqstest.ClockSkew(time.Hour)})
		requireCode(f.T, publish(jobs), "RequestTimeTooSkewed", "")
	})
}

// FuzzForm sends any form. The answer is always one of the protocol, and what is published is what was sent.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{
		"Action=Publish&Version=2010-03-31&Message=a&" + jobsTopic,
		"Action=Publish&Version=2010-03-31&Message=%C3%A9&" + jobsTopic + "&MessageAttributes.entry.1.Name=n&" +
			"MessageAttributes.entry.1.Value.DataType=Number&MessageAttributes.entry.1.Value.StringValue=1",
		"Action=PublishBatch&Version=2010-03-31&PublishBatchRequestEntries.member.1.Id=a&" +
			"PublishBatchRequestEntries.member.1.Message=b&" + jobsTopic,
		"Action=PublishBatch&Version=2010-03-31&PublishBatchRequestEntries=&" + jobsTopic,
		"Action=CreateTopic&Version=2010-03-31&Name=a.fifo&Attributes.entry.1.key=FifoTopic&Attributes.entry.1.value=true" +
			"&Tags.member.1.Key=a&Tags.member.1.Value=b",
		"Action=Subscribe&Version=2010-03-31&Protocol=sqs&Endpoint=arn:aws:sqs:us-east-1:000000000000:jobs&" +
			"ReturnSubscriptionArn=true&" + jobsTopic,
		"Action=SetTopicAttributes&Version=2010-03-31&AttributeName=MaximumMessageSize&AttributeValue=1024&" + jobsTopic,
		"Action=ListTopics&Version=2010-03-31&NextToken=YQ==", "Action=Unsubscribe&Version=2010-03-31&SubscriptionArn=a.b.c",
		"a.1=&a.=&.=&=&a.1.1=b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, form string) {
		server := sqstest.NewUnstartedServer()
		defer server.Close()
		post(server, "AmazonSQS.CreateQueue", `{"QueueName":"jobs"}`)
		postForm(server, "Action=CreateTopic&Version=2010-03-31&Name=jobs")
		postForm(server, "Action=Subscribe&Version=2010-03-31&Protocol=sqs&Endpoint=arn:aws:sqs:us-east-1:000000000000:jobs&"+
			"Attributes.entry.1.key=RawMessageDelivery&Attributes.entry.1.value=true&"+jobsTopic)
		w := postForm(server, form)
		var answer snsAnswer
		require.NoError(t, xml.Unmarshal(w.Body.Bytes(), &answer), w.Body.String())
		if w.Code != http.StatusOK {
			require.Equal(t, "ErrorResponse", answer.XMLName.Local)
			require.NotEmpty(t, answer.Error.Code)
			require.Less(t, w.Code, 500)
			return
		}
		values, err := url.ParseQuery(form)
		require.NoError(t, err)
		require.Equal(t, values.Get("Action")+"Response", answer.XMLName.Local)
		messages := server.Queue("jobs").Messages
		if values.Get("Action") == "Publish" && values.Get("MessageStructure") == "" && len(messages) == 1 {
			require.Equal(t, values.Get("Message"), messages[0].Body)
		}
	})
}
