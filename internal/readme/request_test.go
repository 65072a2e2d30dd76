package readme_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"path"
	"strings"
)

// readRequest reads the operation of an SDK's request, the ARN of its queue, and whether
// it puts tags on it. The request can be read again.
func readRequest(r *http.Request) (operation, arn string, tags bool) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	var input struct {
		QueueName, QueueURL string
		Tags                map[string]string `json:"tags"`
	}
	_ = json.Unmarshal(body, &input)
	if input.QueueName == "" {
		input.QueueName = path.Base(input.QueueURL)
	}
	operation = strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	return operation, "arn:aws:sqs:us-east-1:111122223333:" + input.QueueName, len(input.Tags) > 0
}

// refusal is the answer of SQS to a caller without permission.
func refusal(r *http.Request) *http.Response {
	return &http.Response{
		StatusCode: http.StatusForbidden, Status: "403 Forbidden", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:  http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body:    io.NopCloser(strings.NewReader(`{"__type":"com.amazonaws.sqs#AccessDeniedException","message":"not authorized"}`)),
		Request: r,
	}
}
