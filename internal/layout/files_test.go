package layout_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A folder maps the functions of the tests of one directory to what they call, such as
// "time.Sleep", or "pause" of the same package. A method has no receiver here.
type folder map[string]map[string]bool

// add adds the calls of a function.
func (f folder) add(fn *ast.FuncDecl) {
	if f[fn.Name.Name] == nil {
		f[fn.Name.Name] = map[string]bool{}
	}
	ast.Inspect(fn, func(node ast.Node) bool {
		if call, ok := node.(*ast.CallExpr); ok {
			f[fn.Name.Name][types.ExprString(call.Fun)] = true
		}
		return true
	})
}

// walk calls visit with the files below root that match the pattern, except those in
// testdata and in hidden folders.
func walk(t *testing.T, root, pattern string, visit func(path, text string)) {
	t.Helper()
	visited := false
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		if entry.IsDir() && (entry.Name() == "testdata" || strings.ContainsAny(entry.Name()[:1], "._")) {
			return filepath.SkipDir
		}
		if matches, _ := filepath.Match(pattern, entry.Name()); matches && !entry.IsDir() {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			visit(path, string(text))
			visited = true
		}
		return nil
	}))
	require.True(t, visited, "no files")
}

func readTests(t *testing.T, root string) map[string]folder {
	t.Helper()
	tree := map[string]folder{}
	walk(t, root, "*_test.go", func(path, text string) {
		file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.SkipObjectResolution)
		require.NoError(t, err)
		dir := filepath.Dir(path)
		if tree[dir] == nil {
			tree[dir] = folder{}
		}
		for _, declaration := range file.Decls {
			if fn, ok := declaration.(*ast.FuncDecl); ok {
				tree[dir].add(fn)
			}
		}
	})
	return tree
}

// sleeping returns the functions that call time.Sleep where time may be outside. Time is
// virtual in a function that opens a synctest bubble, itself or through a helper, and in
// the helpers of a package that has bubbles.
func (f folder) sleeping() []string {
	opening := map[string]bool{"synctest.Test": true}
	for known := 0; known < len(opening); {
		known = len(opening)
		for name, calls := range f {
			for function := range calls {
				if opening[function] {
					opening[name] = true
				}
			}
		}
	}
	entry := regexp.MustCompile(`^(Test|Benchmark|Fuzz|Example)`)
	var found []string
	for name, calls := range f {
		helper := len(opening) > 1 && !entry.MatchString(name)
		if calls["time.Sleep"] && !opening[name] && !helper {
			found = append(found, name)
		}
	}
	return found
}

// leakChecked reports whether the tests of a folder look for leaked goroutines.
func (f folder) leakChecked() bool { return f["TestMain"]["goleak.VerifyTestMain"] }

func TestTestsSleepInBubblesAndLookForLeaks(t *testing.T) {
	t.Parallel()
	for dir, f := range readTests(t, repository) {
		require.Empty(t, f.sleeping(), "%s: run the test in a synctest bubble, or wait for a channel", dir)
		// The tests of examples are short, because they are there to be read.
		require.True(t, f.leakChecked() || strings.Contains(dir, "/examples/"), "%s: no goleak.VerifyTestMain", dir)
	}
}

func TestBrokenTestsAreFound(t *testing.T) {
	t.Parallel()
	bubbles := readTests(t, "testdata/bubbles")["testdata/bubbles"]
	require.ElementsMatch(t, []string{"TestReal", "BenchmarkReal"}, bubbles.sleeping())
	outside := readTests(t, "testdata/real")["testdata/real"]
	require.Equal(t, []string{"pause"}, outside.sleeping())
	require.False(t, outside.leakChecked())
}
