package readme_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every attribute of a log line of the library is in the table of docs/operations.md, and
// a duration has its unit in the name.
func TestLogAttributesAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(text), "## Log lines")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n## ")
	attribute := regexp.MustCompile(`slog\.(\w+)\("([a-z_]+)"`)
	names := map[string]bool{}
	for _, pattern := range []string{"../../taskhawk/*.go", "../../sqsx/*.go", "../../lambdax/*.go", "../guard/*.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			code, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, match := range attribute.FindAllStringSubmatch(string(code), -1) {
				require.NotEqual(t, "Duration", match[1], "%s: the unit of %s belongs into its name", file, match[2])
				names[match[2]] = true
			}
		}
	}
	require.Greater(t, len(names), 15, "they were found")
	for name := range names {
		require.Contains(t, table, "`"+name+"`", "an attribute of a line is not in docs/operations.md")
	}
}
