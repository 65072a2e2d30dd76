package layout_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A file is one parsed Go file; a folder is those of one directory.
type file struct {
	*ast.File
	path string
	set  *token.FileSet
}

type folder []file

// A check returns the places of a folder that break its rule.
type check struct {
	find func(folder) []string
	fix  string
}

func checks() map[string]check {
	return map[string]check{
		"no-sleeping":  {sleeps, "run the test in a synctest bubble, or wait for a channel"},
		"leak-checked": {unchecked, "add func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }"},
	}
}

// readTree parses the Go files below root, nested modules included, and testdata, hidden
// and built folders not.
func readTree(t *testing.T, root string) map[string]folder {
	t.Helper()
	tree := map[string]folder{}
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (entry.Name() == "testdata" || strings.ContainsAny(entry.Name()[:1], "._")):
			return filepath.SkipDir
		case filepath.Ext(path) != ".go":
			return nil
		}
		set := token.NewFileSet()
		syntax, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		tree[filepath.Dir(path)] = append(tree[filepath.Dir(path)], file{syntax, path, set})
		return err
	}))
	require.NotEmpty(t, tree)
	return tree
}

func (f file) test() bool { return strings.HasSuffix(f.path, "_test.go") }

func (f file) place(pos token.Pos) string {
	return fmt.Sprintf("%s:%d", f.path, f.set.Position(pos).Line)
}

// calls returns the places below root where one of the functions is called: "time.Sleep",
// or "pause" of the same package.
func (f file) calls(root ast.Node, functions map[string]bool) []string {
	var places []string
	ast.Inspect(root, func(node ast.Node) bool {
		call, ok := node.(*ast.CallExpr)
		if !ok {
			return true
		}
		name := ""
		switch fun := call.Fun.(type) {
		case *ast.Ident:
			name = fun.Name
		case *ast.SelectorExpr:
			if pkg, ok := fun.X.(*ast.Ident); ok {
				name = pkg.Name + "." + fun.Sel.Name
			}
		}
		if functions[name] {
			places = append(places, f.place(call.Pos()))
		}
		return true
	})
	return places
}

// sleeps allows time.Sleep where time is virtual: in a test that opens a synctest bubble,
// itself or through a helper, and in the helpers of a package that has bubbles.
func sleeps(files folder) []string {
	opening := bubbles(files)
	var found []string
	for _, f := range files {
		for _, declaration := range f.Decls {
			fn, ok := declaration.(*ast.FuncDecl)
			if !ok || !f.test() || opening[fn.Name.Name] || len(opening) > 1 && !entry(fn) {
				continue
			}
			found = append(found, f.calls(fn, map[string]bool{"time.Sleep": true})...)
		}
	}
	return found
}

// bubbles returns synctest.Test and the functions of a folder's tests that call it,
// directly or through another.
func bubbles(files folder) map[string]bool {
	opening := map[string]bool{"synctest.Test": true}
	for known := 0; known < len(opening); {
		known = len(opening)
		for _, f := range files {
			for _, declaration := range f.Decls {
				fn, ok := declaration.(*ast.FuncDecl)
				if ok && f.test() && len(f.calls(fn, opening)) > 0 {
					opening[fn.Name.Name] = true
				}
			}
		}
	}
	return opening
}

// entry reports whether the go command calls the function itself.
func entry(fn *ast.FuncDecl) bool {
	for _, prefix := range []string{"Test", "Benchmark", "Fuzz", "Example"} {
		if strings.HasPrefix(fn.Name.Name, prefix) {
			return fn.Recv == nil
		}
	}
	return false
}

// unchecked is the package clause of the first test of a package whose tests look for no
// leaked goroutines. The examples' tests are short, since they are there to be read.
func unchecked(files folder) []string {
	var tests []string
	for _, f := range files {
		if len(f.calls(f.File, map[string]bool{"goleak.VerifyTestMain": true})) > 0 {
			return nil
		}
		if f.test() && !strings.Contains(f.path, "/examples/") {
			tests = append(tests, f.place(f.Package))
		}
	}
	return tests[:min(1, len(tests))]
}

func TestRepositoryKeepsItsRules(t *testing.T) {
	t.Parallel()
	tree := readTree(t, repository)
	for name, check := range checks() {
		var found []string
		for _, files := range tree {
			found = append(found, check.find(files)...)
		}
		require.Empty(t, strings.Join(found, "\n"), "%s: %s", name, check.fix)
	}
}

// Each fixture has a comment, want, on the lines that its check finds.
func TestBrokenRulesAreFound(t *testing.T) {
	t.Parallel()
	for name, check := range checks() {
		var expected, found []string
		for _, files := range readTree(t, filepath.Join("testdata", name)) {
			found = append(found, check.find(files)...)
			for _, f := range files {
				for _, comment := range f.Comments {
					if text := comment.Text(); text == "want\n" {
						expected = append(expected, f.place(comment.Pos()))
					}
				}
			}
		}
		require.NotEmpty(t, expected, name)
		require.ElementsMatch(t, expected, found, name)
	}
}
