package layout_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A finding is one place where a rule is broken; what holds for a whole package is found at its first line.
type finding struct {
	path string
	line int
	text string
}

func (f finding) place() string { return fmt.Sprintf("%s:%d", f.path, f.line) }

// A rule is one thing that every folder of the repository keeps.
type rule struct {
	name  string // also the name of its fixture's folder in testdata/rules
	fix   string // what to do about a finding
	check func(folder) []finding
}

// eachFile makes a folder's check of a check of one file that is not a test.
func eachFile(check func(source) []finding) func(folder) []finding {
	return func(f folder) []finding { return over(f.code(), check) }
}

// eachTest does the same for test files.
func eachTest(check func(source) []finding) func(folder) []finding {
	return func(f folder) []finding { return over(f.tests(), check) }
}

// inLibraries limits a check to the packages that others import.
func inLibraries(check func(folder) []finding) func(folder) []finding {
	return func(f folder) []finding {
		if !f.library() {
			return nil
		}
		return check(f)
	}
}

func over(sources []source, check func(source) []finding) []finding {
	var found []finding
	for _, s := range sources {
		found = append(found, check(s)...)
	}
	return found
}

// rules are those that the repository keeps, with its limits.
func rules() []rule {
	return []rule{
		fileLines(900),
		testFileLines(900),
		functionLines(60),
		documented(),
		packageDocumented(),
		noInit(),
		noVariables(),
		noMarkers(),
		noPrinting(),
		noSleeping(),
		noSkipping(),
		leakChecked(),
	}
}

// strictRules are the same with limits low enough for a fixture that can be read at a glance.
func strictRules() []rule {
	strict := rules()
	copy(strict, []rule{fileLines(5), testFileLines(5), functionLines(4)})
	return strict
}

func TestRepositoryKeepsItsRules(t *testing.T) {
	t.Parallel()
	tree := readTree(t, repository)
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			var found []string
			for _, f := range tree {
				for _, one := range r.check(f) {
					found = append(found, one.place()+": "+one.text)
				}
			}
			require.Empty(t, strings.Join(found, "\n"), r.fix)
		})
	}
}

func TestEveryRuleFindsItsFixture(t *testing.T) {
	t.Parallel()
	for _, r := range strictRules() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			fixture := readFolder(t, ".", filepath.Join("testdata", "rules", r.name))
			expected := wanted(fixture)
			require.NotEmpty(t, expected, "testdata/rules/%s marks no line with a want comment", r.name)
			require.NotEmpty(t, r.fix)

			var actual []string
			for _, found := range r.check(fixture) {
				actual = append(actual, found.place())
			}
			require.ElementsMatch(t, expected, actual)
		})
	}
}

// wanted is the places of the fixture's want comments, in either form: at the end of a line, or before a
// name whose line may not end in a comment.
func wanted(f folder) []string {
	var expected []string
	for _, s := range f.sources {
		for _, group := range s.syntax.Comments {
			for _, comment := range group.List {
				if strings.HasSuffix(comment.Text, "// want") || comment.Text == "/* want */" {
					expected = append(expected, s.at(comment.Pos(), "").place())
				}
			}
		}
	}
	return expected
}
