package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// report is what one check of one test found.
type report struct {
	Number      string `json:"number"` // of the fault: T01
	Test        string `json:"test"`
	What        string `json:"what"` // the fault in a few words
	Tasks       int    `json:"tasks"`
	Runs        int    `json:"runs"` // of handlers
	Lost        int    `json:"lost"`
	Explained   int    `json:"explained"` // runs beyond those that were asked for, with a cause
	Unexplained int    `json:"unexplained"`

	Notes []string `json:"notes"` // what was measured beside
}

// readReports reads all reports in a folder.
func readReports(folder string) ([]report, error) {
	names, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("find reports: %w", err)
	}
	found := make([]report, len(names))
	for i, name := range names {
		text, err := os.ReadFile(name) //nolint:gosec // the folder is the caller's choice
		if err != nil {
			return nil, fmt.Errorf("read a report: %w", err)
		}
		if err := json.Unmarshal(text, &found[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return found, nil
}
