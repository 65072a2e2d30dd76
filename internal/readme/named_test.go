package readme_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// missingTests are the tests, fuzz targets and faults that the prose of a document names
// and that are not among the tests. A fault, T01, is there when a test begins with it.
func missingTests(d document, tests []string) []finding {
	names := regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*)`|\\b(T\\d\\d)\\b")
	prose := d.prose()
	var found []finding
	for _, line := range slices.Sorted(maps.Keys(prose)) {
		for _, match := range names.FindAllStringSubmatch(prose[line], -1) {
			test, fault := match[1], match[2]
			there := slices.ContainsFunc(tests, func(name string) bool {
				return name == test || test == "" && strings.HasPrefix(name, "Test"+fault)
			})
			if !there {
				found = append(found, finding{path: d.path, line: line, text: "no test " + test + fault})
			}
		}
	}
	return found
}

// allTests are the names of the tests and fuzz targets of the repository.
func allTests(t *testing.T) []string {
	t.Helper()
	declaration := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	var names []string
	require.NoError(t, filepath.WalkDir(repository, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, match := range declaration.FindAllStringSubmatch(string(text), -1) {
			names = append(names, match[1])
		}
		return err
	}))
	return names
}

func TestNamedTestsExist(t *testing.T) {
	t.Parallel()
	require.Empty(t, missingTests(readDocument(t, repository, "docs/reliability.md"), allTests(t)))
}

func TestNamedTestsThatDoNotExistAreFound(t *testing.T) {
	t.Parallel()
	d := document{path: "a.md", lines: []string{"`TestThere`, `FuzzThere`, T01 and `TestGone`", "T02"}}
	require.Equal(t, []finding{
		{path: "a.md", line: 1, text: "no test TestGone"}, {path: "a.md", line: 2, text: "no test T02"},
	}, missingTests(d, []string{"TestThere", "FuzzThere", "TestT01Any"}))
}
