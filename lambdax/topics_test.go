package lambdax_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Without an account the topics are looked up, once each, however many publish.
func TestTopicsAreLookedUp(t *testing.T) {
	t.Parallel()
	onTopics(t, "", func(r *topicEnv) {
		r.config.Account = ""
		for n := range 120 { // two pages in front
			r.create(fmt.Sprintf("other-%03d", n))
		}
		p := r.publisher()
		require.Zero(r, r.Requests(sqstest.OpListTopics))
		var group sync.WaitGroup
		for n := range 50 {
			group.Go(func() { require.NoError(r, p.Publish(r.Context(), outgoing(n))) })
		}
		group.Wait()
		require.Equal(r, 2, r.Requests(sqstest.OpListTopics))
		require.Equal(r, map[string]int{"taskhawk-dev-myapp": 50}, r.published())
	})
}

func TestTopicsThatAreMissing(t *testing.T) {
	t.Parallel()
	onTopics(t, "", func(r *topicEnv) {
		for name, account := range map[string]string{"looked up": "", "put together": "000000000000"} {
			p, err := lambdax.NewPublisher(r.client, "nobody", lambdax.PublisherConfig{Account: account})
			require.NoError(r, err)
			err = p.Publish(r.Context(), outgoing(1))
			var missing *lambdax.TopicError
			require.ErrorAs(r, err, &missing, name)
			require.ErrorContains(r, err, "topic taskhawk-nobody does not exist in this account and region: create it")
			none := strings.Contains(err.Error(), `none of the topics of "nobody" is found: check the application's name`)
			require.Equal(r, account == "", none, "only the list of topics says so")
			require.NotErrorIs(r, err, taskhawk.ErrOutcomeUnknown)

			r.create("taskhawk-nobody")
			time.Sleep(time.Minute)
			require.NoError(r, p.Publish(r.Context(), outgoing(1)), "looked up again")
			_, err = r.client.DeleteTopic(r.Context(), &sns.DeleteTopicInput{
				TopicArn: new("arn:aws:sns:us-east-1:000000000000:taskhawk-nobody"),
			})
			require.NoError(r, err)
		}
	})
}

// The list has a page for every hundred topics of the account, and SNS limits its rate.
func TestAMissingTopicIsLookedUpOnceAMinute(t *testing.T) {
	t.Parallel()
	onTopics(t, "", func(r *topicEnv) {
		for n := range 120 {
			r.create(fmt.Sprintf("other-%03d", n))
		}
		p, err := lambdax.NewPublisher(r.client, "nobody", lambdax.PublisherConfig{})
		require.NoError(r, err)
		for minute := 1; minute < 3; minute++ {
			for range 10 {
				require.ErrorIs(r, p.Publish(r.Context(), outgoing(1)), lambdax.ErrNoTopic)
			}
			require.Equal(r, 2*minute, r.Requests(sqstest.OpListTopics))
			time.Sleep(time.Minute)
		}
	})
}

func TestTopicsOfWhichOneIsMissing(t *testing.T) {
	t.Parallel()
	onTopics(t, "", func(r *topicEnv) {
		_, err := r.client.DeleteTopic(r.Context(), &sns.DeleteTopicInput{
			TopicArn: new("arn:aws:sns:us-east-1:000000000000:taskhawk-dev-myapp"),
		})
		require.NoError(r, err)
		p, err := lambdax.NewPublisher(r.client, "dev-myapp", lambdax.PublisherConfig{})
		require.NoError(r, err)
		require.ErrorContains(r, p.Publish(r.Context(), outgoing(1)), `; other topics of "dev-myapp" exist: taskhawk-dev-myapp-`)
	})
}

// A list that does not come says nothing of the message: it was not sent.
func TestLookUpsThatFail(t *testing.T) {
	t.Parallel()
	onTopics(t, "", func(r *topicEnv) {
		r.config.Account = ""
		p := r.publisher()
		r.Inject(sqstest.Fault{On: sqstest.OpListTopics, Times: 3, Do: sqstest.Reset()})
		err := p.Publish(r.Context(), outgoing(1))
		require.ErrorContains(r, err, "look it up")
		require.NotErrorIs(r, err, taskhawk.ErrOutcomeUnknown)
		r.Inject(sqstest.Fault{On: sqstest.OpListTopics, Nth: 1, Do: sqstest.Error("Throttled", "slow down")})
		require.NoError(r, p.Publish(r.Context(), outgoing(1)))
		require.Equal(r, 1, r.total())
	})
}

// arnRecorder is an SNS that is no *sns.Client.
type arnRecorder struct{ arns []string }

func (a *arnRecorder) PublishBatch(
	_ context.Context, in *sns.PublishBatchInput, _ ...func(*sns.Options),
) (*sns.PublishBatchOutput, error) {
	a.arns = append(a.arns, *in.TopicArn)
	return nil, context.Canceled
}

func (*arnRecorder) ListTopics(context.Context, *sns.ListTopicsInput, ...func(*sns.Options)) (*sns.ListTopicsOutput, error) {
	return nil, context.Canceled
}

// regional is an SNS with a region, as an *sns.Client has.
type regional struct{ arnRecorder }

func (*regional) Options() sns.Options { return sns.Options{Region: "us-east-2"} }

func TestARNsInTheRegionOfTheClient(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]string{"": "us-east-2", "eu-west-1": "eu-west-1"} {
		api := &regional{}
		p, err := lambdax.NewPublisher(api, "a", lambdax.PublisherConfig{Account: "123456789012", Region: region})
		require.NoError(t, err)
		require.ErrorIs(t, p.Publish(t.Context(), outgoing(1)), context.Canceled)
		require.Equal(t, []string{"arn:aws:sns:" + want + ":123456789012:taskhawk-a"}, api.arns)
	}
}

func TestARNsOfAnAccount(t *testing.T) {
	t.Parallel()
	for want, config := range map[string]lambdax.PublisherConfig{
		"arn:aws:sns:eu-west-1:123456789012:taskhawk-a":              {Region: "eu-west-1"},
		"arn:aws-cn:sns:cn-north-1:123456789012:taskhawk-a":          {Region: "cn-north-1"},
		"arn:aws-us-gov:sns:us-gov-west-1:123456789012:taskhawk-a":   {Region: "us-gov-west-1"},
		"arn:aws-iso-b:sns:us-isob-east-1:123456789012:taskhawk-a":   {Region: "us-isob-east-1"},
		"arn:aws-other:sns:somewhere-east-1:123456789012:taskhawk-a": {Region: "somewhere-east-1", Partition: "aws-other"},
		"arn:aws-eusc:sns:eusc-de-east-1:123456789012:taskhawk-a":    {Region: "eusc-de-east-1"},
		"arn:aws-iso:sns:us-iso-east-1:123456789012:taskhawk-a":      {Region: "us-iso-east-1"},
		"arn:aws-iso-f:sns:us-isof-south-1:123456789012:taskhawk-a":  {Region: "us-isof-south-1"},
		"arn:aws-iso-e:sns:eu-isoe-west-1:123456789012:taskhawk-a":   {Region: "eu-isoe-west-1"},
	} {
		api := &arnRecorder{}
		config.Account = "123456789012"
		p, err := lambdax.NewPublisher(api, "A", config)
		require.NoError(t, err)
		require.ErrorIs(t, p.Publish(t.Context(), outgoing(1)), context.Canceled)
		require.Equal(t, []string{want}, api.arns)
	}
	_, err := lambdax.NewPublisher(&arnRecorder{}, "a", lambdax.PublisherConfig{Account: "123456789012"})
	require.ErrorContains(t, err, "no Region")
}

func TestTopicName(t *testing.T) {
	t.Parallel()
	for priority, want := range map[taskhawk.Priority]string{
		taskhawk.Default: "taskhawk-dev-myapp", taskhawk.High: "taskhawk-dev-myapp-high-priority",
		taskhawk.Low: "taskhawk-dev-myapp-low-priority", taskhawk.Bulk: "taskhawk-dev-myapp-bulk",
	} {
		require.Equal(t, want, lambdax.TopicName("DEV-MyApp", priority))
	}
}
