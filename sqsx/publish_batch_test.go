package sqsx_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestPublishBatchReportsEachEntry(t *testing.T) {
	t.Parallel()
	publisher, err := sqsx.NewPublisher(partialAPI{}, app, sqsx.PublisherConfig{})
	require.NoError(t, err)
	task := taskhawk.New[numberArgs]("tests.number", nil)
	hub, err := taskhawk.NewHub(taskhawk.Config{Publisher: publisher, Tasks: []taskhawk.AnyTask{task}})
	require.NoError(t, err)

	ids, err := task.DispatchAll(taskhawk.ContextWithHub(t.Context(), hub), make([]numberArgs, 3))
	require.Len(t, ids, 3)
	var batch *taskhawk.BatchError
	require.ErrorAs(t, err, &batch)
	require.Len(t, batch.Failed, 2)
	require.NotContains(t, batch.Failed, 0)
	var refused *sqsx.EntryError
	require.ErrorAs(t, batch.Failed[1], &refused)
	require.Equal(t, sqsx.EntryError{Code: "InternalError", Message: "try again"}, *refused)
	require.ErrorContains(t, batch.Failed[1], "queue TASKHAWK-DEV-MYAPP: SQS refused the entry: InternalError: try again")
	require.ErrorContains(t, batch.Failed[2], "did not say what became of the entry")
}
