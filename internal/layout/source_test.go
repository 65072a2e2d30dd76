package layout_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// repository is the module's root, seen from this package's folder, where go test runs.
const repository = "../.."

// A source is one parsed Go file.
type source struct {
	path   string // from the root of its tree, with slashes
	test   bool   // named *_test.go
	lines  int
	files  *token.FileSet
	syntax *ast.File
}

// parseSource reads the Go file name below root.
func parseSource(t *testing.T, root, name string) source {
	t.Helper()
	files := token.NewFileSet()
	syntax, err := parser.ParseFile(files, filepath.Join(root, name), nil, parser.ParseComments)
	require.NoError(t, err)
	return source{
		path:   filepath.ToSlash(name),
		test:   strings.HasSuffix(name, "_test.go"),
		lines:  files.File(syntax.FileStart).LineCount(),
		files:  files,
		syntax: syntax,
	}
}

// at is a finding in this file.
func (s source) at(pos token.Pos, text string) finding {
	return finding{path: s.path, line: s.line(pos), text: text}
}

func (s source) line(pos token.Pos) int { return s.files.Position(pos).Line }

// lineCount is the number of lines that node covers.
func (s source) lineCount(node ast.Node) int {
	return s.line(node.End()) - s.line(node.Pos()) + 1
}

// importName is the name under which the file uses an imported package; empty when it does not.
func (s source) importName(importPath string) string {
	for _, spec := range s.syntax.Imports {
		if spec.Path.Value != strconv.Quote(importPath) {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(importPath)
	}
	return ""
}

// calls tells whether node is a call of importPath.name, for one of the names.
func (s source) calls(node ast.Node, importPath string, names ...string) bool {
	call, ok := node.(*ast.CallExpr)
	if !ok {
		return false
	}
	fn, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !slices.Contains(names, fn.Sel.Name) {
		return false
	}
	pkg, ok := fn.X.(*ast.Ident)
	return ok && pkg.Name == s.importName(importPath)
}

// matches is a finding for every node below root that fits.
func (s source) matches(root ast.Node, text string, fits func(ast.Node) bool) []finding {
	var found []finding
	ast.Inspect(root, func(node ast.Node) bool {
		if node != nil && fits(node) {
			found = append(found, s.at(node.Pos(), text))
		}
		return true
	})
	return found
}
