package contract

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// TB is the part of *testing.T that Check needs.
type TB interface {
	Helper()
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
}

// Variable is the environment variable that lets [Check] write its file. Its value is
// update, for changes that are safe to deploy, or replace, for any change.
const Variable = "TASKHAWK_CONTRACT"

// Check compares the tasks of a hub with a contract in a file, and fails t if they
// differ. It reports why a change breaks messages in flight or programs that are not
// deployed yet. Keep the file in version control.
//
//	TASKHAWK_CONTRACT=update go test ./...   # writes the file, unless the change breaks something
//	TASKHAWK_CONTRACT=replace go test ./...  # writes it in any case, and logs what breaks
//
// Check reads the environment and one file. It writes that file only if the variable is
// set.
func Check(t TB, file string, hub *taskhawk.Hub) {
	t.Helper()
	after, err := Of(hub)
	if err != nil {
		t.Errorf("%v", err)
		return
	}
	mode := os.Getenv(Variable)
	switch mode {
	case "", "update", "replace":
	default:
		t.Errorf("contract: %s=%s: want update or replace", Variable, mode)
		return
	}
	text, err := after.text()
	if err != nil {
		t.Errorf("contract: %v", err)
		return
	}
	old, err := os.ReadFile(file) //nolint:gosec // the test names the file
	switch {
	case errors.Is(err, fs.ErrNotExist) && mode == "":
		t.Errorf("contract: no file %s: write it by %s=update go test", file, Variable)
		return
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		t.Errorf("contract: %v", err)
		return
	case err == nil:
		if bytes.Equal(withoutReturns(old), text) || !accepts(t, file, old, after, mode) {
			return
		}
	}
	if err := os.WriteFile(file, text, 0o644); err != nil { //nolint:gosec // a source file
		t.Errorf("contract: %v", err)
		return
	}
	t.Logf("contract: wrote %s", file)
}

// withoutReturns removes the carriage returns that git adds on Windows.
func withoutReturns(text []byte) []byte { return bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")) }

// accepts reports whether to write the file, and fails t if not.
func accepts(t TB, file string, old []byte, after *Contract, mode string) bool {
	t.Helper()
	before, err := parse(old)
	if err != nil && mode == "replace" {
		t.Logf("contract: %s: %v: replaced", file, err)
		return true
	}
	if err != nil {
		t.Errorf("contract: %s: %v", file, err)
		return false
	}
	changes := Compare(before, after)
	lines, broken := list(changes)
	switch {
	case mode == "replace", mode == "update" && !broken:
		t.Logf("contract: %s:%s", file, lines)
		return true
	case broken:
		t.Errorf("contract: %s: change breaks messages:%s\n"+
			"docs/contracts.md has safe ways; %s=replace writes the file anyway", file, lines, Variable)
	default:
		t.Errorf("contract: %s is out of date:%s\nwrite it by %s=update go test", file, lines, Variable)
	}
	return false
}

// list returns a line for each change, and reports whether one breaks.
func list(changes []Change) (lines string, broken bool) {
	var b strings.Builder
	for _, c := range changes {
		broken = broken || c.Verdict == Breaks
		fmt.Fprintf(&b, "\n\t%s", c)
	}
	if len(changes) == 0 {
		b.WriteString("\n\tdescribed differently but read alike")
	}
	return b.String(), broken
}
