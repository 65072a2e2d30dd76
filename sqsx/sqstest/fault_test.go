package sqstest_test

import (
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// tries lists queues n times without retries and notes which calls failed.
func (f *fixture) tries(n int) []int {
	client := f.Client(func(o *sqs.Options) { o.RetryMaxAttempts = 1 })
	var failed []int
	for i := range n {
		if _, err := client.ListQueues(f.Context(), &sqs.ListQueuesInput{}); err != nil {
			failed = append(failed, i+1)
		}
	}
	return failed
}

func TestWhichRequestsAFaultActsOn(t *testing.T) {
	t.Parallel()
	down := sqstest.Status(http.StatusServiceUnavailable, "")
	cases := map[string]struct {
		fault sqstest.Fault
		want  []int
	}{
		"every":               {sqstest.Fault{}, []int{1, 2, 3, 4, 5, 6}},
		"every of one":        {sqstest.Fault{On: sqstest.OpListQueues}, []int{1, 2, 3, 4, 5, 6}},
		"every of another":    {sqstest.Fault{On: sqstest.OpSendMessage}, nil},
		"of another queue":    {sqstest.Fault{Queue: "jobs"}, nil},
		"the first":           {sqstest.Fault{Nth: 1}, []int{1}},
		"the third":           {sqstest.Fault{Nth: 3}, []int{3}},
		"the first two":       {sqstest.Fault{Times: 2}, []int{1, 2}},
		"from the third, two": {sqstest.Fault{Nth: 3, Times: 2}, []int{3, 4}},
		"those asked for":     {sqstest.Fault{If: func(r sqstest.Request) bool { return r.Operation == sqstest.OpListQueues }}, []int{1, 2, 3, 4, 5, 6}},
		"none asked for":      {sqstest.Fault{If: func(sqstest.Request) bool { return false }}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			c.fault.Do = down
			injection := f.Inject(c.fault)
			require.Equal(t, c.want, f.tries(6))
			require.Equal(t, len(c.want), injection.Fired())
		})
	}
}

func TestHealing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	one := f.Inject(sqstest.Fault{Do: sqstest.Reset()})
	require.Equal(t, []int{1}, f.tries(1))
	one.Remove()
	one.Remove()
	require.Empty(t, f.tries(1))
	f.Inject(sqstest.Fault{Do: sqstest.Reset()})
	f.Inject(sqstest.Fault{Do: sqstest.Reset()})
	f.Heal()
	require.Empty(t, f.tries(1))
	require.Equal(t, 1, one.Fired())
}

func TestWhatAPredicateSees(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs")
	var seen []sqstest.Request
	f.Inject(sqstest.Fault{Do: sqstest.Delay(0), If: func(r sqstest.Request) bool {
		seen = append(seen, r)
		return false
	}})
	_, err := f.sendBatch(url, entries("a", "b"))
	require.NoError(t, err)
	f.tries(1)
	require.Equal(t, "SendMessageBatch", seen[0].Operation)
	require.Equal(t, "jobs", seen[0].Queue)
	require.Equal(t, 2, seen[0].Entries)
	require.Equal(t, "AKIDSQSTEST", seen[0].AccessKeyID)
	require.NotEmpty(t, seen[0].Header.Get("X-Amz-Date"))
	require.Contains(t, string(seen[0].Body), `"MessageBody":"a"`)
	require.Empty(t, seen[1].Queue)
	post(f.Server, "AmazonSQS.ListQueues", "{}")
	require.Empty(t, seen[2].AccessKeyID)
}

func TestAFaultNeedsAnEffect(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	require.Panics(t, func() { f.Inject(sqstest.Fault{On: sqstest.OpSendMessage}) })
}

func TestEffectsHaveNames(t *testing.T) {
	t.Parallel()
	require.Equal(t, "reset", sqstest.Reset().String())
	require.Equal(t, "truncate", sqstest.Truncate(1).String())
}

func TestFaultsAddUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs")
	f.Inject(sqstest.Fault{On: sqstest.OpSendMessageBatch, Do: sqstest.FailEntries("InternalError", false, 0)})
	f.Inject(sqstest.Fault{On: sqstest.OpSendMessageBatch, Do: sqstest.OmitEntries(1)})
	f.Inject(sqstest.Fault{On: sqstest.OpSendMessageBatch, Do: sqstest.CorruptMD5()})
	out, err := f.client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &url, Entries: entries("a", "b", "c")},
		func(o *sqs.Options) { o.DisableMessageChecksumValidation = true })
	require.NoError(t, err)
	require.Len(t, out.Failed, 1)
	require.Len(t, out.Successful, 1)
	require.Equal(t, "2", *out.Successful[0].Id)
	require.Equal(t, "00000000000000000000000000000000", *out.Successful[0].MD5OfMessageBody)
}
