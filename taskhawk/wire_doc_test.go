package taskhawk_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fates is the result of a body in Python 1.4.0, Python 4.7.0 and here: "runs" or
// "refuses".
type fates [3]string

func fate(runs bool) string {
	if runs {
		return "runs"
	}
	return "refuses"
}

// documentedFates reads the table of differences in docs/wire.md: rows of case names in
// backticks, three fates and a reason.
func documentedFates(t *testing.T) map[string]fates {
	t.Helper()
	text, err := os.ReadFile("../docs/wire.md")
	require.NoError(t, err)
	_, section, ok := strings.Cut(string(text), "\n## Bodies that are treated differently\n")
	require.True(t, ok, "the section is gone")
	section, _, _ = strings.Cut(section, "\n## ")
	name, documented := regexp.MustCompile("`([^`]+)`"), map[string]fates{}
	for line := range strings.SplitSeq(section, "\n") {
		cells := strings.Split(line, "|")
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		require.Len(t, cells, 7, line)
		row := fates{strings.TrimSpace(cells[2]), strings.TrimSpace(cells[3]), strings.TrimSpace(cells[4])}
		require.NotEmpty(t, strings.TrimSpace(cells[5]), "a reason for %s", cells[1])
		for _, match := range name.FindAllStringSubmatch(cells[1], -1) {
			require.NotContains(t, documented, match[1])
			documented[match[1]] = row
		}
	}
	return documented
}

// TestTheDifferencesToPythonAreDocumented wants the table to list every case that differs
// from one of the two versions, with what each does, and no other.
func TestTheDifferencesToPythonAreDocumented(t *testing.T) {
	t.Parallel()
	differences := map[string]fates{}
	for _, c := range wireCases(t, "python-accepts") {
		runs := handleWire(t, c.Body).Task != ""
		if runs != c.By140 || runs != c.By470 {
			differences[c.Case] = fates{fate(c.By140), fate(c.By470), fate(runs)}
		}
	}
	require.Equal(t, differences, documentedFates(t))
}
