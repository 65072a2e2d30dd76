package sqsx_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func attributesOf(t *testing.T, client *sqs.Client, queue string) map[string]string {
	t.Helper()
	url, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &queue})
	require.NoError(t, err)
	out, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: url.QueueUrl, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	require.NoError(t, err)
	return out.Attributes
}

func TestProvisionCreatesQueuesWithDeadLetters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.NewUnstartedServer()
		defer server.Close()
		client := server.Client()
		config := sqsx.ProvisionConfig{
			MaxReceiveCount: 7, VisibilityTimeout: time.Minute, Retention: time.Hour, Tags: map[string]string{"team": "a"},
		}
		for range 3 { // it can be repeated
			require.NoError(t, sqsx.Provision(t.Context(), client, app, config))
		}
		require.Equal(t, 8, server.Requests("CreateQueue"))
		for _, queue := range []string{
			"TASKHAWK-DEV-MYAPP", "TASKHAWK-DEV-MYAPP-HIGH-PRIORITY", "TASKHAWK-DEV-MYAPP-LOW-PRIORITY", "TASKHAWK-DEV-MYAPP-BULK",
		} {
			attributes := attributesOf(t, client, queue)
			require.Equal(t, "60", attributes["VisibilityTimeout"])
			require.Equal(t, "3600", attributes["MessageRetentionPeriod"])
			require.Equal(t, "20", attributes["ReceiveMessageWaitTimeSeconds"])
			require.Contains(t, attributes["RedrivePolicy"], `"maxReceiveCount":7`)
			require.Contains(t, attributes["RedrivePolicy"], ":"+queue+`-DLQ"`)
			require.Equal(t, "1209600", attributesOf(t, client, queue+"-DLQ")["MessageRetentionPeriod"])
		}
	})
}

func TestProvisionLeavesWhatExists(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.NewUnstartedServer()
		defer server.Close()
		client := server.Client()
		_, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{
			QueueName: name(taskhawk.Bulk), Attributes: map[string]string{"VisibilityTimeout": "99"},
		})
		require.NoError(t, err)
		config := sqsx.ProvisionConfig{Priorities: []taskhawk.Priority{taskhawk.Bulk}, VisibilityTimeout: time.Minute}
		require.NoError(t, sqsx.Provision(t.Context(), client, app, config))
		attributes := attributesOf(t, client, *name(taskhawk.Bulk))
		require.Equal(t, "99", attributes["VisibilityTimeout"])
		require.Equal(t, "0", attributes["ReceiveMessageWaitTimeSeconds"])
		require.Contains(t, attributes["RedrivePolicy"], `"maxReceiveCount":5`, "but it gets the redrive policy it lacked")

		config.MaxReceiveCount = 9
		require.NoError(t, sqsx.Provision(t.Context(), client, app, config))
		require.Contains(t, attributesOf(t, client, *name(taskhawk.Bulk))["RedrivePolicy"], `"maxReceiveCount":5`)
		_, err = client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: name(taskhawk.High)})
		require.Error(t, err, "only the priorities that were asked for")
	})
}

func TestProvisionFIFO(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.NewUnstartedServer()
		defer server.Close()
		client := server.Client()
		require.NoError(t, sqsx.Provision(t.Context(), client, app, sqsx.ProvisionConfig{Naming: fifoName}))
		require.Equal(t, "true", attributesOf(t, client, "TASKHAWK-DEV-MYAPP.fifo")["FifoQueue"])
		require.Equal(t, "true", attributesOf(t, client, "TASKHAWK-DEV-MYAPP-DLQ.fifo")["FifoQueue"])
	})
}

func TestProvisionRefusesBadConfiguration(t *testing.T) {
	t.Parallel()
	client := sqstest.NewUnstartedServer().Client()
	for want, config := range map[string]sqsx.ProvisionConfig{
		"MaxReceiveCount -1: SQS takes 1 to 1000":   {MaxReceiveCount: -1},
		"MaxReceiveCount 1001: SQS takes 1 to 1000": {MaxReceiveCount: 1001},
		"VisibilityTimeout 13h0m0s":                 {VisibilityTimeout: 13 * time.Hour},
		"retention 360h0m0s: SQS takes 1m0s to":     {Retention: 15 * 24 * time.Hour},
		"retention 1s: SQS takes 1m0s to 336h0m0s":  {Retention: time.Second},
		"unknown priority":                          {Priorities: []taskhawk.Priority{7}},
	} {
		require.ErrorContains(t, sqsx.Provision(t.Context(), client, app, config), want)
	}
	require.ErrorContains(t, sqsx.Provision(t.Context(), client, strings.Repeat("x", 70), sqsx.ProvisionConfig{}), "SQS takes 80")
	require.ErrorContains(t, sqsx.Provision(t.Context(), nil, app, sqsx.ProvisionConfig{}), "nil API")
}

// Another process creates the queue between the look-up and the creation, with other
// attributes.
func TestProvisionTakesTheQueueOfAFasterProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.NewUnstartedServer()
		defer server.Close()
		client := server.Client()
		_, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{
			QueueName: name(taskhawk.High), Attributes: map[string]string{"VisibilityTimeout": "99"},
		})
		require.NoError(t, err)
		lookUp := server.Inject(sqstest.Fault{
			On: sqstest.OpGetQueueURL, If: func(r sqstest.Request) bool { return strings.Contains(string(r.Body), `HIGH-PRIORITY"`) },
			Nth: 1, Do: sqstest.Error("QueueDoesNotExist", "not yet"),
		})
		config := sqsx.ProvisionConfig{Priorities: []taskhawk.Priority{taskhawk.High}, VisibilityTimeout: time.Minute}
		require.NoError(t, sqsx.Provision(t.Context(), client, app, config))
		require.Equal(t, 1, lookUp.Fired())
		require.Equal(t, map[string]int{"QueueDoesNotExist": 1, "QueueNameExists": 1}, server.ClientErrors())
		attributes := attributesOf(t, client, *name(taskhawk.High))
		require.Equal(t, "99", attributes["VisibilityTimeout"])
		require.Contains(t, attributes["RedrivePolicy"], `"maxReceiveCount":5`)
	})
}

// A Naming may put all priorities on one queue.
func TestProvisionOfOneQueueForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := sqstest.NewUnstartedServer()
		defer server.Close()
		one := func(queue string, _ taskhawk.Priority) string { return queue }
		require.NoError(t, sqsx.Provision(t.Context(), server.Client(), app, sqsx.ProvisionConfig{Naming: one}))
		require.Equal(t, 2, server.Requests(sqstest.OpCreateQueue))
		require.True(t, server.Queue("dev-myapp-DLQ").Exists)
	})
}

// Cut off at any request, Provision names the queue in its error. Repeated, it does the
// rest.
func TestProvisionCanBeRepeatedAfterAnyFailure(t *testing.T) {
	t.Parallel()
	config := sqsx.ProvisionConfig{Priorities: []taskhawk.Priority{taskhawk.Bulk}}
	for n, fired := 1, true; fired; n++ {
		synctest.Test(t, func(t *testing.T) {
			server := sqstest.NewUnstartedServer()
			defer server.Close()
			client := server.Client()
			_, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: name(taskhawk.Bulk)})
			require.NoError(t, err)
			denied := server.Inject(sqstest.Fault{Nth: n, Do: sqstest.Error("AccessDenied", "no")})
			err = sqsx.Provision(t.Context(), client, app, config)
			if fired = denied.Fired() > 0; fired {
				require.ErrorContains(t, err, "sqsx: provision: queue TASKHAWK-DEV-MYAPP-BULK")
				require.NoError(t, sqsx.Provision(t.Context(), client, app, config))
			}
			server.Heal()
			require.Contains(t, attributesOf(t, client, *name(taskhawk.Bulk))["RedrivePolicy"], `"maxReceiveCount":5`)
		})
	}
}
