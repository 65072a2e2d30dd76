package taskhawk_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// lines are the records that a hub wrote for deliveries of the tasks.
func lines(t *testing.T, hub *taskhawk.Hub, log *bytes.Buffer, tasks ...string) []map[string]any {
	t.Helper()
	log.Reset()
	for _, task := range tasks {
		require.Error(t, hub.Handle(t.Context(), delivery(task, "")))
	}
	var records []map[string]any
	for line := range strings.Lines(log.String()) {
		var record map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &record))
		records = append(records, record)
	}
	return records
}

func repeat(task string, n int) []string { return strings.Fields(strings.Repeat(task+" ", n)) }

func TestUnknownTasksAreLoggedOnceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		logger, log := newLog()
		dispatchOnly := taskhawk.New[numberArgs]("tasks.dispatched", nil)
		hub := newHub(t, taskhawk.Config{Logger: logger, Tasks: []taskhawk.AnyTask{dispatchOnly}})
		for _, task := range []string{"tasks.nope", "tasks.dispatched", strings.Repeat("n", 5000)} {
			require.Len(t, lines(t, hub, log, repeat(task, 100)...), 1, "the first")
		}
		time.Sleep(time.Second - time.Nanosecond)
		require.Empty(t, lines(t, hub, log, repeat("tasks.nope", 100)...))
		time.Sleep(time.Nanosecond)
		again := lines(t, hub, log, repeat("tasks.nope", 100)...)
		require.Len(t, again, 1)
		require.EqualValues(t, 199, again[0]["left_out"])
		require.Equal(t, "tasks.nope", again[0]["task"])
	})
}

func TestManyUnknownNamesShareALine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		logger, log := newLog()
		hub := newHub(t, taskhawk.Config{Logger: logger})
		var flood []string
		for n := range 10_000 {
			flood = append(flood, fmt.Sprintf("tasks.%d", n))
		}
		require.Len(t, lines(t, hub, log, flood...), 257, "256 names, and one line for all others")
		time.Sleep(time.Second)
		later := lines(t, hub, log, "tasks.later", "tasks.9999")
		require.Len(t, later, 2, "names that are quiet make room")
	})
}

func TestNamesInTheLogAreQuotedWhereTheyMust(t *testing.T) {
	t.Parallel()
	logger, log := newLog()
	hub := newHub(t, taskhawk.Config{Logger: logger})
	for name, want := range map[string]string{
		"tasks.größe":             "tasks.größe",
		`tasks\nlevel=ERROR`:      `"tasks\nlevel=ERROR"`,
		`a\"b`:                    `"a\"b"`,
		strings.Repeat("n", 5000): strings.Repeat("n", 64) + "...",
	} {
		require.Equal(t, want, lines(t, hub, log, name)[0]["task"], name)
	}
}

func TestOtherFailuresAreAllLogged(t *testing.T) {
	t.Parallel()
	logger, log := newLog()
	task, _ := newEmail(t)
	hub := newHub(t, taskhawk.Config{Logger: logger, Tasks: []taskhawk.AnyTask{task}})
	require.Len(t, lines(t, hub, log, repeat(task.Name(), 10)...), 10, "arguments are missing")
}
