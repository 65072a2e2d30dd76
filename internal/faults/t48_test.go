package faults_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax/lambdatest"
)

// notify gives the function an SNS event, whose records all have these attributes.
func (r *functionRig) notify(list []order, attributes map[string]any, options ...lambdatest.InvokeOption) lambdatest.Result {
	r.Helper()
	r.number(list)
	var event events.SNSEvent
	for _, o := range list {
		event.Records = append(event.Records, events.SNSEventRecord{EventSource: "aws:sns", EventVersion: "1.0", SNS: events.SNSEntity{
			MessageID: o.id, Type: "Notification", TopicArn: "arn:aws:sns:us-east-1:111122223333:taskhawk-dev-myapp",
			Message: o.text(), Timestamp: time.Now(), MessageAttributes: attributes,
		}})
	}
	text, err := json.Marshal(event)
	require.NoError(r, err)
	r.found.Tasks += len(list)
	return r.give(text, options...)
}

func TestT48RecordsOfTopics(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]functionConfig{"SNS": {SNS: true}, "both": {Both: true, Partial: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startFunction(t, "records of SNS, one fails", config)
			require.Nil(t, r.notify(orders("ok"), nil).Error)
			require.Nil(t, r.notify(orders("ignore"), nil).Error)
			for _, failure := range []string{"fail", "panic", "goexit", "permanent", "recover"} {
				require.NotNil(t, r.notify(orders(failure), nil).Error, failure)

				list := orders("ok", failure, "ok")
				failed := r.notify(list, nil).Error
				require.Equal(t, []int{0, 1, 2}, r.ranOf(list), "the others run")
				require.Equal(t, "BatchError", failed.Type)
				require.Contains(t, failed.Message, "1 of 3 records failed: record "+list[1].id)
				require.NotContains(t, string(failed.Body), canaryArgument)
			}
			bad := orders("ok", "ok")
			bad[0].body = "{"
			require.Contains(t, r.notify(bad, nil).Error.Message, "1 of 2 records failed")
			require.Equal(t, []int{1}, r.ranOf(bad))
			require.Equal(t, 1, r.Starts(), "no panic reaches lambda.Start")
			r.check()
		})
	}
}

func TestT48AttributesOfOddTypes(t *testing.T) {
	t.Parallel()
	r := startFunction(t, "odd attributes of SNS", functionConfig{SNS: true})
	list := orders("ok", "ok", "ok")
	require.Nil(t, r.notify(list, map[string]any{
		"text": "bare", "number": 7, "null": nil, "list": []any{"a", 1}, "nested": map[string]any{"Type": map[string]any{}, "Value": []int{1}},
		"no value": map[string]any{"Type": "String"}, "no type": map[string]any{"Value": "v"}, "a number": map[string]any{"Type": "Number", "Value": 1e300},
		"binary": map[string]any{"Type": "Binary", "Value": "AAE="}, "": map[string]any{"Type": "", "Value": ""},
		"taskhawk_encoding": map[string]any{"Type": "Binary", "Value": "base64"},
	}).Error)
	require.Equal(t, []int{0, 1, 2}, r.ranOf(list))
	r.check()
}

// Events of AWS's own test data: the messages are none of ours, and what is no event of queues or topics says so.
func TestT48EventsOfAWS(t *testing.T) {
	t.Parallel()
	r := startFunction(t, "events of other kinds", functionConfig{Both: true, Partial: true})
	sns := r.give(awsEvent(t, "sns-event.json"))
	require.Contains(t, sns.Error.Message, "1 of 1 records failed: record 95df01b4-ee98-5cb9-9903-4c221d41eb5e: ")
	require.NotContains(t, sns.Error.Message, "Hello from SNS!")
	sqs := r.give(awsEvent(t, "sqs-event.json"))
	require.Nil(t, sqs.Error)
	require.JSONEq(t, `{"batchItemFailures":[{"itemIdentifier":"MessageID_1"}]}`, string(sqs.Response))
	for _, name := range []string{"s3-event.json", "kinesis-event.json", "dynamodb-event.json", "apigw-request.json", "kafka-event.json"} {
		require.Contains(t, r.give(awsEvent(t, name)).Error.Message, "neither an SQS event nor an SNS event", name)
	}
	for _, event := range []string{`{}`, `{"Records":null}`, `null`, `[]`, `"x"`, `{"Records":[{"eventSource":"aws:sqs"},{"EventSource":"aws:sns"}]}`} {
		require.Contains(t, r.give([]byte(event)).Error.Message, "neither an SQS event nor an SNS event", event)
	}
	require.Equal(t, 1, r.Starts())
	require.Empty(t, r.ran())
	r.check()
}
