package sqstest_test

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// FuzzRequest sends anything to every operation. The answer is always one of the
// protocol, and what is stored is what was sent.
func FuzzRequest(f *testing.F) {
	const jobs = `"QueueUrl":"http://127.0.0.1:1/000000000000/jobs"`
	operations := []string{
		"SendMessage", "SendMessageBatch", "ReceiveMessage", "DeleteMessage", "DeleteMessageBatch", "ChangeMessageVisibility",
		"ChangeMessageVisibilityBatch", "CreateQueue", "GetQueueUrl", "ListQueues", "GetQueueAttributes", "SetQueueAttributes",
		"TagQueue", "UntagQueue", "StartMessageMoveTask", "ListMessageMoveTasks", "CancelMessageMoveTask",
	}
	seeds := []string{
		`{` + jobs + `,"MessageBody":"a\u00e9","MessageAttributes":{"n":{"DataType":"Number","StringValue":"1"}}}`,
		`{` + jobs + `,"Entries":[{"Id":"a","MessageBody":"b"},{"Id":"c","MessageBody":"d","DelaySeconds":3}]}`,
		`{` + jobs + `,"MaxNumberOfMessages":10,"MessageAttributeNames":["All","a.*"]}`,
		`{` + jobs + `,"ReceiptHandle":"AAAA"}`,
		`{` + jobs + `,"Entries":[{"Id":"a","ReceiptHandle":"AAAA"}]}`,
		`{` + jobs + `,"ReceiptHandle":"AAAA","VisibilityTimeout":0}`,
		`{` + jobs + `,"Entries":[{"Id":"a","ReceiptHandle":"AAAA","VisibilityTimeout":1}]}`,
		`{"QueueName":"a.fifo","Attributes":{"FifoQueue":"true","RedrivePolicy":"{\"maxReceiveCount\":1}"},"tags":{"a":"b"}}`,
		`{"QueueName":"jobs","QueueName":null}`, `{"MaxResults":1,"NextToken":"YQ=="}`, ` {"AttributeNames" : [ "All" ] , ` + jobs + ` } `,
	}
	for i, seed := range seeds {
		f.Add(uint8(i), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		server := sqstest.NewUnstartedServer()
		defer server.Close()
		post(server, "AmazonSQS.CreateQueue", `{"QueueName":"jobs"}`)
		operation := operations[int(which)%len(operations)]
		if operation == "ReceiveMessage" {
			server.Inject(sqstest.Fault{On: operation, Do: sqstest.Status(200, "{}")}) // would wait as long as it is told
		}
		w := post(server, "AmazonSQS."+operation, string(body))
		var answer map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer), w.Body.String())
		if w.Code != 200 {
			require.Contains(t, answer, "__type")
			require.Less(t, w.Code, 500)
			return
		}
		if operation == "SendMessage" {
			requireStored(t, server, body)
		}
	})
}

// requireStored checks that a request that was accepted stored the body that
// encoding/json finds in it.
func requireStored(t *testing.T, server *sqstest.Server, request []byte) {
	t.Helper()
	require.True(t, utf8.Valid(request))
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(request, &members))
	var body string
	require.NoError(t, json.Unmarshal(members["MessageBody"], &body))
	require.Equal(t, body, server.Queue("jobs").Messages[0].Body)
	for name := range members {
		require.Contains(t, []string{
			"QueueUrl", "MessageBody", "DelaySeconds", "MessageAttributes", "MessageSystemAttributes", "MessageDeduplicationId", "MessageGroupId",
		}, name)
	}
}

// FuzzReceiptHandle uses anything as a receipt handle: none but the one given
// deletes the message.
func FuzzReceiptHandle(f *testing.F) {
	f.Add("")
	f.Add("AAAA")
	f.Add("AQEBzWwaftRI0KuVm4tP+/7q1rGgNqicHq==")
	f.Fuzz(func(t *testing.T, handle string) {
		server := sqstest.NewUnstartedServer()
		defer server.Close()
		post(server, "AmazonSQS.CreateQueue", `{"QueueName":"jobs"}`)
		url := server.URL + "/000000000000/jobs"
		post(server, "AmazonSQS.SendMessage", `{"QueueUrl":"`+url+`","MessageBody":"a"}`)
		request, err := json.Marshal(map[string]string{"QueueUrl": url, "ReceiptHandle": handle})
		require.NoError(t, err)
		require.Equal(t, 404, post(server, "AmazonSQS.DeleteMessage", string(request)).Code)
		require.Len(t, server.Queue("jobs").Messages, 1)
	})
}
