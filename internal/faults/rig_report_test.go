package faults_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"

	"github.com/stretchr/testify/require"
)

// reportVariable names the environment variable that names the folder for the figures of each check.
const reportVariable = "FAULTS_REPORT"

// figures are what a check found. A test that checks more than once leaves more than one.
type figures struct {
	Number      string `json:"number"` // of the fault: T01
	Test        string `json:"test"`   // the test's name, that of its subtest included
	What        string `json:"what"`   // the fault in a few words
	Tasks       int    `json:"tasks"`
	Runs        int    `json:"runs"` // of handlers
	Lost        int    `json:"lost"`
	Explained   int    `json:"explained"` // duplicates
	Unexplained int    `json:"unexplained"`
	// Notes are what was measured beside: a line each.
	Notes []string `json:"notes,omitempty"`
}

// notef adds a line to the report that comes next, and to the log of the test.
func (r *rig) notef(format string, args ...any) {
	r.Helper()
	line := fmt.Sprintf(format, args...)
	r.Logf("%s", line)
	r.notes = append(r.notes, line)
}

// report writes the figures to a file of their own, if anybody asked for them.
func (r *rig) report(found figures) {
	r.Helper()
	found.Number, found.Test, found.What = faultNumber(r.Name()), r.Name(), r.what
	found.Notes, r.notes = r.notes, nil
	folder := os.Getenv(reportVariable)
	if folder == "" {
		return
	}
	text, err := json.Marshal(found)
	require.NoError(r, err)
	file, err := os.CreateTemp(folder, found.Number+"-*.json")
	require.NoError(r, err)
	_, err = file.Write(text)
	require.NoError(r, err)
	require.NoError(r, file.Close())
}

// faultNumber is the number in the name of a test: T05 of TestT05OutageOfAnHour.
func faultNumber(test string) string {
	return regexp.MustCompile(`T\d\d`).FindString(test)
}
