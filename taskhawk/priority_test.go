package taskhawk_test

import (
	"encoding/json"
	"flag"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestPriorityHasATextForm(t *testing.T) {
	t.Parallel()
	for priority, text := range map[taskhawk.Priority]string{
		taskhawk.Default: "default", taskhawk.High: "high", taskhawk.Low: "low", taskhawk.Bulk: "bulk",
	} {
		require.True(t, priority.Valid())
		require.Equal(t, text, priority.String())
		parsed, err := taskhawk.ParsePriority(text)
		require.NoError(t, err)
		require.Equal(t, priority, parsed)
		encoded, err := json.Marshal(map[taskhawk.Priority]taskhawk.Priority{priority: priority})
		require.NoError(t, err)
		require.JSONEq(t, `{"`+text+`":"`+text+`"}`, string(encoded))
		var decoded map[taskhawk.Priority]taskhawk.Priority
		require.NoError(t, json.Unmarshal(encoded, &decoded))
		require.Equal(t, map[taskhawk.Priority]taskhawk.Priority{priority: priority}, decoded)
	}
}

func TestPriorityOutOfRange(t *testing.T) {
	t.Parallel()
	bad := taskhawk.Priority(4)
	require.False(t, bad.Valid())
	require.Equal(t, "Priority(4)", bad.String())
	_, err := bad.MarshalText()
	require.ErrorIs(t, err, taskhawk.ErrUnknownPriority)
	require.ErrorContains(t, err, "Priority(4)")
}

func TestParsePriorityRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "HIGH", "High", " high", "urgent", "1"} {
		_, err := taskhawk.ParsePriority(text)
		require.ErrorIs(t, err, taskhawk.ErrUnknownPriority, text)
		priority := taskhawk.Low
		require.ErrorIs(t, priority.UnmarshalText([]byte(text)), taskhawk.ErrUnknownPriority)
		require.Equal(t, taskhawk.Low, priority, "unchanged by an error")
	}
}

func TestPriorityIsAFlag(t *testing.T) {
	t.Parallel()
	set := flag.NewFlagSet("worker", flag.ContinueOnError)
	var priority taskhawk.Priority
	set.TextVar(&priority, "priority", taskhawk.Default, "")
	require.NoError(t, set.Parse([]string{"-priority", "bulk"}))
	require.Equal(t, taskhawk.Bulk, priority)
}

func TestPrioritiesStartsWithTheMostUrgent(t *testing.T) {
	t.Parallel()
	want := []taskhawk.Priority{taskhawk.High, taskhawk.Default, taskhawk.Low, taskhawk.Bulk}
	got := taskhawk.Priorities()
	require.Equal(t, want, got)
	got[0] = taskhawk.Bulk
	require.Equal(t, want, taskhawk.Priorities())
	require.Zero(t, taskhawk.Default, "a zero Priority is Default")
}
