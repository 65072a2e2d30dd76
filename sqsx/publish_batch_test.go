package sqsx_test

import (
	"testing"
	"testing/synctest"

	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestPublishBatchReportsEachEntryAndResendsOnlyWhatMayPass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := &partialAPI{sent: map[string]int{}}
		publisher, err := sqsx.NewPublisher(api, app, sqsx.PublisherConfig{})
		require.NoError(t, err)
		var outs []*taskhawk.Outgoing
		for _, body := range []string{"stored", "internal", "refused", "unanswered"} {
			outs = append(outs, &taskhawk.Outgoing{Task: "t", Body: body})
		}
		errs := publisher.PublishBatch(t.Context(), outs)
		require.NoError(t, errs[0])
		var refused *smithy.GenericAPIError
		require.ErrorAs(t, errs[1], &refused)
		require.Equal(t, smithy.GenericAPIError{Code: "InternalError", Message: "try again", Fault: smithy.FaultServer}, *refused)
		require.EqualError(t, errs[1], "queue TASKHAWK-DEV-MYAPP: delivery outcome unknown: api error InternalError: try again")
		require.ErrorIs(t, errs[1], taskhawk.ErrOutcomeUnknown)
		require.ErrorAs(t, errs[2], &refused)
		require.Equal(t, smithy.FaultClient, refused.Fault)
		require.NotErrorIs(t, errs[2], taskhawk.ErrOutcomeUnknown)
		require.ErrorIs(t, errs[3], taskhawk.ErrOutcomeUnknown)
		require.Equal(t, map[string]int{"stored": 1, "internal": 3, "refused": 1, "unanswered": 3}, api.sent)
	})
}
