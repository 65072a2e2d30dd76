package schedule

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// The context attributes, which EventBridge Scheduler replaces when it fires. Source:
// "Adding context attributes in EventBridge Scheduler". The execution id changes with
// each attempt, so it does not identify a firing.
const (
	keyword       = "<aws.scheduler."
	scheduleARN   = "<aws.scheduler.schedule-arn>"
	scheduledTime = "<aws.scheduler.scheduled-time>"
)

// FiringID is the id of a task that a schedule dispatches, before the scheduler replaces
// its parts with the ARN of the schedule and the time of the firing.
const FiringID = scheduleARN + "/" + scheduledTime

// Input returns the input of the universal target sqs:sendMessage that dispatches out at
// each firing: the same as [Put] sends, for schedules declared elsewhere, such as in
// Terraform. out is a sealed message whose ID is [FiringID], or any id for a schedule
// that fires once. Input checks the limits of config for the longest possible ARN.
//
// Keep the '<' and '>' of the input: jsonencode of Terraform would escape them.
func Input(
	group, name string, out *taskhawk.Outgoing, queueURL string, config sqsx.PublisherConfig,
) (string, error) {
	rest := strings.Replace(out.Body, FiringID, "", 1) + out.Group + out.DeduplicationID
	if strings.Contains(rest, keyword) {
		return "", ErrKeyword
	}
	body, err := timed(out.Body)
	if err != nil {
		return "", err
	}
	fired := *out
	fired.Body = strings.NewReplacer(
		scheduleARN, "arn:aws-us-gov:scheduler:ap-southeast-1:123456789012:schedule/"+group+"/"+name,
		scheduledTime, "2026-11-29T09:00:00Z",
	).Replace(body)
	request, err := sqsx.SendMessageInput(&fired, queueURL, config)
	if err != nil {
		return "", err
	}
	if strings.HasSuffix(queueURL, ".fifo") && out.DeduplicationID == "" {
		firing := firingDeduplication(group, name)
		request.MessageDeduplicationId = &firing
	}
	request.MessageBody = &body
	return encode(request)
}

// timed replaces the time of sealing with the time of the firing. The id comes before it,
// and all text from the caller after it.
func timed(body string) (string, error) {
	const member = `"timestamp":`
	before, rest, ok := strings.Cut(body, `,"metadata":{`)
	metadata, rest, closed := strings.Cut(rest, "}")
	priority, after, timestamp := strings.Cut(metadata, member)
	if !ok || !closed || !timestamp {
		return "", errors.New("the message is not sealed by Task.Seal")
	}
	version := strings.TrimLeft(after, "0123456789")
	return before + `,"metadata":{` + priority + member + `"` + scheduledTime + `"` + version + "}" + rest, nil
}

// firingDeduplication returns the deduplication id of a firing, the same for all
// attempts. The ARN may be longer than the 128 characters that SQS takes.
func firingDeduplication(group, name string) string {
	sum := sha256.Sum256([]byte(group + "/" + name))
	return hex.EncodeToString(sum[:16]) + "-" + scheduledTime
}

// sendMessage is a request of SendMessage as JSON, with the members that a task has.
type sendMessage struct {
	QueueURL                string               `json:"QueueUrl"`
	MessageBody             string               `json:"MessageBody"`
	MessageAttributes       map[string]attribute `json:"MessageAttributes,omitempty"`
	MessageSystemAttributes map[string]attribute `json:"MessageSystemAttributes,omitempty"`
	DelaySeconds            int32                `json:"DelaySeconds,omitempty"`
	MessageGroupID          *string              `json:"MessageGroupId,omitempty"`
	MessageDeduplicationID  *string              `json:"MessageDeduplicationId,omitempty"`
}

type attribute struct {
	DataType    string `json:"DataType"`
	StringValue string `json:"StringValue"`
}

// encode leaves '<' and '>' unescaped, since the scheduler searches the text for its
// attributes.
func encode(in *sqs.SendMessageInput) (string, error) {
	request := sendMessage{
		QueueURL:                *in.QueueUrl,
		MessageBody:             *in.MessageBody,
		MessageAttributes:       map[string]attribute{},
		MessageSystemAttributes: map[string]attribute{},
		DelaySeconds:            in.DelaySeconds,
		MessageGroupID:          in.MessageGroupId,
		MessageDeduplicationID:  in.MessageDeduplicationId,
	}
	for name, value := range in.MessageAttributes {
		request.MessageAttributes[name] = attribute{*value.DataType, *value.StringValue}
	}
	trace := string(types.MessageSystemAttributeNameForSendsAWSTraceHeader)
	if value, ok := in.MessageSystemAttributes[trace]; ok {
		request.MessageSystemAttributes[trace] = attribute{*value.DataType, *value.StringValue}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(request); err != nil {
		return "", fmt.Errorf("encode the request: %w", err)
	}
	return strings.TrimSuffix(text.String(), "\n"), nil
}
