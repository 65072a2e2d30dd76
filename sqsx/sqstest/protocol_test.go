package sqstest_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

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

func TestRequestThatEndsEarlyIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := post(f.Server, "AmazonSQS.ListQueues", "", func(r *http.Request) {
		r.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), errorReader{}))
	})
	require.Contains(t, w.Body.String(), "ended early")
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
