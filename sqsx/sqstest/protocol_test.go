package sqstest_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"io"
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

// post makes a request as no SDK would make it.
func post(server *sqstest.Server, target, body string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", target)
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	server.ServeHTTP(w, r)
	return w
}

func TestRefusesWhatIsNotTheProtocol(t *testing.T) {
	t.Parallel()
	const jobs = `"QueueUrl":"http://127.0.0.1:1/000000000000/jobs"`
	cases := map[string]struct {
		target, body string
		change       func(*http.Request)
		code, text   string
	}{
		"another method":          {change: func(r *http.Request) { r.Method = http.MethodGet }, code: "InvalidAction", text: "GET"},
		"another content type":    {change: func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, code: "InvalidAction", text: "x-amz-json-1.0"},
		"another service":         {target: "AmazonSNS.Publish", code: "InvalidAction", text: "AmazonSQS."},
		"unknown operation":       {target: "AmazonSQS.Shred", code: "UnknownOperationException", text: "not known"},
		"no JSON":                 {body: `x`, code: "SerializationException", text: "not a JSON object"},
		"invalid UTF-8":           {body: "{\"QueueName\":\"\xff\"}", code: "SerializationException", text: "UTF-8"},
		"unknown member":          {body: `{` + jobs + `,"MessageBody":"a","Priority":1}`, code: "SerializationException", text: `"Priority"`},
		"member in another case":  {body: `{` + jobs + `,"messageBody":"a"}`, code: "SerializationException", text: `"messageBody"`},
		"name of a field of ours": {body: `{"queueTarget":{}}`, code: "SerializationException", text: `"queueTarget"`},
		"missing member":          {body: `{` + jobs + `}`, code: "MissingParameter", text: "MessageBody"},
		"null member":             {body: `{` + jobs + `,"MessageBody":null}`, code: "MissingParameter", text: "MessageBody"},
		"text for a number":       {body: `{` + jobs + `,"MessageBody":"a","DelaySeconds":"1"}`, code: "SerializationException", text: "DelaySeconds"},
		"number for text":         {body: `{` + jobs + `,"MessageBody":1}`, code: "SerializationException", text: "MessageBody"},
		"list for a map":          {body: `{` + jobs + `,"MessageBody":"a","MessageAttributes":[]}`, code: "SerializationException", text: "MessageAttributes"},
		"unknown nested member":   {body: `{` + jobs + `,"MessageBody":"a","MessageAttributes":{"n":{"DataType":"String","Value":"v"}}}`, code: "SerializationException", text: "MessageAttributes.n.Value"},
		"missing nested member":   {body: `{` + jobs + `,"MessageBody":"a","MessageAttributes":{"n":{"StringValue":"v"}}}`, code: "MissingParameter", text: "MessageAttributes.n.DataType"},
		"map for a list":          {target: "AmazonSQS.SendMessageBatch", body: `{` + jobs + `,"Entries":{}}`, code: "SerializationException", text: "Entries"},
		"null for it all":         {body: ` null`, code: "SerializationException", text: "not a JSON object"},
		"a list for it all":       {body: `[]`, code: "SerializationException", text: "not a JSON object"},
		"a member given twice":    {body: `{"QueueName":null,"QueueName":"a"}`, target: "AmazonSQS.GetQueueUrl", code: "SerializationException", text: "twice"},
		"bytes as a list":         {body: `{` + jobs + `,"MessageBody":"a","MessageAttributes":{"n":{"DataType":"Binary","BinaryValue":[1]}}}`, code: "SerializationException", text: "list"},
		"null in a list":          {target: "AmazonSQS.SendMessageBatch", body: `{` + jobs + `,"Entries":[null]}`, code: "SerializationException", text: "Entries.1"},
		"unknown in a list":       {target: "AmazonSQS.SendMessageBatch", body: `{` + jobs + `,"Entries":[{"Id":"1","MessageBody":"a","X":1}]}`, code: "SerializationException", text: "Entries.1.X"},
		"queue URL without host":  {body: `{"QueueUrl":"jobs","MessageBody":"a"}`, code: "InvalidAddress", text: "host"},
		"queue URL without name":  {body: `{"QueueUrl":"http://h/jobs","MessageBody":"a"}`, code: "InvalidAddress", text: "path"},
		"another account":         {body: `{"QueueUrl":"http://h/111111111111/jobs","MessageBody":"a"}`, code: "QueueDoesNotExist", text: "does not exist"},
		"no such queue":           {body: `{"QueueUrl":"http://h/000000000000/none","MessageBody":"a"}`, code: "QueueDoesNotExist", text: "does not exist"},
		"too long":                {body: `{"a":"` + strings.Repeat("x", 8<<20) + `"}`, code: "RequestEntityTooLarge", text: "longer"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.queue("jobs")
			if c.target == "" {
				c.target = "AmazonSQS.SendMessage"
			}
			if c.change == nil {
				c.change = func(*http.Request) {}
			}
			w := post(f.Server, c.target, c.body, c.change)
			var body struct {
				Type    string `json:"__type"`
				Message string `json:"message"`
			}
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body), w.Body.String())
			require.Equal(t, "com.amazonaws.sqs#"+c.code, body.Type)
			require.Contains(t, body.Message, c.text)
			require.Less(t, w.Code, 500)
			require.Equal(t, map[string]int{c.code: 1}, f.ClientErrors())
		})
	}
}

func TestAnswerHasTheHeadersOfTheService(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	good := post(f.Server, "AmazonSQS.ListQueues", `{}`)
	require.Equal(t, 200, good.Code)
	require.Equal(t, "application/x-amz-json-1.0", good.Header().Get("Content-Type"))
	require.NotEmpty(t, good.Header().Get("x-amzn-RequestId"))
	require.NotEmpty(t, good.Header().Get("Date"))
	bad := post(f.Server, "AmazonSQS.GetQueueUrl", `{"QueueName":"none"}`)
	require.Equal(t, 400, bad.Code)
	require.Equal(t, "AWS.SimpleQueueService.NonExistentQueue;Sender", bad.Header().Get("x-amzn-query-error"))
}

func TestHTTPClient(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	get, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://anything.example/", nil)
	require.NoError(t, err)
	response, err := f.HTTPClient().Do(get)
	require.NoError(t, err)
	require.Equal(t, http.StatusBadRequest, response.StatusCode)
	require.NoError(t, response.Body.Close())
	cancel()
	_, err = f.HTTPClient().Do(get) //nolint:bodyclose // there is no response
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, f.TotalRequests(), "a request whose context has ended is never sent")
}

func TestRequestThatEndsEarlyHasNoAnswer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	require.PanicsWithValue(t, http.ErrAbortHandler, func() {
		post(f.Server, "AmazonSQS.ListQueues", "", func(r *http.Request) {
			r.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), errorReader{}))
		})
	})
	require.Equal(t, 1, f.TotalRequests())
	require.Empty(t, f.ClientErrors(), "a client that is gone has broken no rule")
}

type errorReader struct{}

func (errorReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestZerosAreTakenAsGiven(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs", "DelaySeconds", "10", "ReceiveMessageWaitTimeSeconds", "20", "VisibilityTimeout", "30")
	require.Equal(t, 200, post(f.Server, "AmazonSQS.SendMessage", `{"QueueUrl":"`+url+`","MessageBody":"a","DelaySeconds":0}`).Code)
	require.Equal(t, 1, f.Queue("jobs").Visible, "a delay of 0 overrides the queue's")
	got := post(f.Server, "AmazonSQS.ReceiveMessage", `{"QueueUrl":"`+url+`","WaitTimeSeconds":0,"VisibilityTimeout":0}`)
	require.Contains(t, got.Body.String(), `"Body":"a"`)
	require.Equal(t, 1, f.Queue("jobs").Visible, "a visibility timeout of 0 leaves the message visible")
}

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
		require.Empty(f, f.ClientErrors(), "a fault is no client's error")

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

// FuzzForm sends any form. The answer is always one of the protocol, and what is
// published is what was sent.
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
