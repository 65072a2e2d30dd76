package sqsx_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestCountOfQueuesAndDeadLetters(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryTasks("tests.a", "tests.b")
		high := g.url(queueOf(taskhawk.High))
		for _, delay := range []int32{0, 0, 60} {
			_, err := g.client.SendMessage(g.Context(), &sqs.SendMessageInput{
				QueueUrl: &high, MessageBody: aws.String("body"), DelaySeconds: delay,
			})
			require.NoError(g, err)
		}
		_, err := g.client.ReceiveMessage(g.Context(), &sqs.ReceiveMessageInput{QueueUrl: &high})
		require.NoError(g, err)
		_, err = g.client.DeleteQueue(g.Context(), deleteQueue(g.url(queueOf(taskhawk.Bulk))))
		require.NoError(g, err)

		counts, err := sqsx.Count(g.Context(), g.client, app, sqsx.CountConfig{})
		require.NoError(g, err)
		require.Len(g, counts, 8)
		require.Equal(g, sqsx.QueueCount{
			Queue: "TASKHAWK-DEV-MYAPP-HIGH-PRIORITY", Priority: taskhawk.High, Waiting: 1, InFlight: 1, Delayed: 1,
		}, counts[0])
		require.Equal(g, sqsx.QueueCount{
			Queue: "TASKHAWK-DEV-MYAPP-DLQ", Priority: taskhawk.Default, DeadLetters: true, Waiting: 2,
		}, counts[3])
		var missing *types.QueueDoesNotExist
		require.ErrorAs(g, counts[6].Err, &missing)
		require.Equal(g, "TASKHAWK-DEV-MYAPP-BULK", counts[6].Queue)
		require.NoError(g, counts[7].Err, "a missing queue holds up no other")

		low, err := sqsx.Count(g.Context(), g.client, app, sqsx.CountConfig{Priorities: []taskhawk.Priority{taskhawk.Low}})
		require.NoError(g, err)
		require.Len(g, low, 2)
	})
}

func TestCountRefusesArgumentsThatCannotBe(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		_, err := sqsx.Count(g.Context(), nil, app, sqsx.CountConfig{})
		require.EqualError(g, err, "sqsx: count: nil API")
		_, err = sqsx.Count(g.Context(), g.client, "", sqsx.CountConfig{})
		require.ErrorContains(g, err, "sqsx: count: ")
		_, err = sqsx.Count(g.Context(), g.client, app, sqsx.CountConfig{Account: "1"})
		require.ErrorContains(g, err, "sqsx: count: ")
		ctx, cancel := context.WithCancelCause(g.Context())
		cancel(errTest)
		_, err = sqsx.Count(ctx, g.client, app, sqsx.CountConfig{})
		require.ErrorIs(g, err, errTest)
		require.Zero(g, g.server.TotalRequests())
	})
}
