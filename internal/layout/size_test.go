package layout_test

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/stretchr/testify/require"
)

// functions is the declared functions of a file.
func (s source) functions() []*ast.FuncDecl {
	var found []*ast.FuncDecl
	for _, declaration := range s.syntax.Decls {
		if fn, ok := declaration.(*ast.FuncDecl); ok {
			found = append(found, fn)
		}
	}
	return found
}

func fileLines(limit int) rule {
	return rule{
		name:  "file-lines",
		fix:   "split the file: one subject a file",
		check: eachFile(func(s source) []finding { return tooLong(s, limit) }),
	}
}

func testFileLines(limit int) rule {
	return rule{
		name:  "test-file-lines",
		fix:   "split the tests by subject",
		check: eachTest(func(s source) []finding { return tooLong(s, limit) }),
	}
}

func tooLong(s source, limit int) []finding {
	if s.lines <= limit {
		return nil
	}
	return []finding{s.at(s.syntax.Package, fmt.Sprintf("%d lines, the limit is %d", s.lines, limit))}
}

func functionLines(limit int) rule {
	return rule{
		name: "function-lines",
		fix:  "split the function: name the steps it takes",
		check: eachFile(func(s source) []finding {
			var found []finding
			for _, fn := range s.functions() {
				if n := s.lineCount(fn); n > limit {
					found = append(found, s.at(fn.Pos(), fmt.Sprintf("%s has %d lines, the limit is %d", fn.Name.Name, n, limit)))
				}
			}
			return found
		}),
	}
}

func fileSizes(f folder) []int {
	var sizes []int
	for _, s := range f.code() {
		sizes = append(sizes, s.lines)
	}
	return sizes
}

func functionSizes(f folder) []int {
	var sizes []int
	for _, s := range f.code() {
		for _, fn := range s.functions() {
			sizes = append(sizes, s.lineCount(fn))
		}
	}
	return sizes
}

// median is the middle value, the lower one of two; 0 of nothing.
func median(sizes []int) int {
	if len(sizes) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(sizes))[(len(sizes)-1)/2]
}

func largest(sizes []int) int { return slices.Max(append([]int{0}, sizes...)) }

func TestMedian(t *testing.T) {
	t.Parallel()
	require.Equal(t, 0, median(nil))
	require.Equal(t, 2, median([]int{9, 1, 2}))
	require.Equal(t, 2, median([]int{9, 3, 2, 1}))
}

// TestSizeTable logs the sizes of every package: go test -v -run SizeTable ./internal/layout.
func TestSizeTable(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "package\tfiles\tmedian\tmax\tfunctions\tmedian\tmax")
	for _, f := range readTree(t, repository) {
		files, functions := fileSizes(f), functionSizes(f)
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%d\n", f.path, len(files), median(files), largest(files),
			len(functions), median(functions), largest(functions))
	}
	require.NoError(t, table.Flush())
	require.Contains(t, text.String(), "internal/layout")
	t.Logf("lines, tests left out\n%s", text.String())
}
