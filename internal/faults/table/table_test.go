package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// reports are a report of each fault.
func reports() []report {
	var found []report
	for _, number := range numbers() {
		found = append(found, report{Number: number, Test: "Test" + number, What: "fault " + number, Tasks: 10, Runs: 12, Explained: 2})
	}
	return found
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	require.Len(t, numbers(), 71)
	require.Subset(t, numbers(), []string{"T01", "T20", "T53", "T75"})
}

func TestASumForEachFault(t *testing.T) {
	t.Parallel()
	more := report{Number: "T05", Test: "TestT05/b", What: "another", Tasks: 1, Runs: 2, Lost: 3, Explained: 4, Unexplained: 5}
	lines := summarize(append(reports(), more, report{Number: "T00", What: "none"}))
	require.Len(t, lines, 72)
	require.Equal(t, "T00", lines[0].Number)
	require.Equal(t, line{checks: 2, report: report{
		Number: "T05", What: "fault T05", Tasks: 11, Runs: 14, Lost: 3, Explained: 6, Unexplained: 5,
	}}, lines[5])
}

func TestTable(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	found := reports()
	found[1].Notes = []string{"so many", "so long"}
	require.NoError(t, write(&text, summarize(found)))
	lines := strings.Split(text.String(), "\n")
	require.Equal(t, []string{"T07", "fault", "T07", "1", "10", "12", "0", "2", "0"}, strings.Fields(lines[7]))
	require.Equal(t, []string{"all", "71", "faults", "71", "710", "852", "0", "142", "0"}, strings.Fields(lines[72]))
	require.Equal(t, []string{"T02: so many", "T02: so long", ""}, lines[73:])
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	require.NoError(t, verdict(summarize(reports())))
	lost, twice := reports(), reports()
	lost[3].Lost, twice[4].Unexplained = 1, 1
	require.EqualError(t, verdict(summarize(lost)), "tasks lost, or run twice without a cause: T04")
	require.EqualError(t, verdict(summarize(twice)), "tasks lost, or run twice without a cause: T05")
	require.EqualError(t, verdict(summarize(reports()[2:])), "without a test: T01 T02")
}

func TestRun(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, run(nil), "usage")
	folder := t.TempDir()
	require.ErrorContains(t, run([]string{folder}), "without a test: T01 T02")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "T01-1.json"), []byte("{"), 0o600))
	require.ErrorContains(t, run([]string{folder}), "T01-1.json")
}
