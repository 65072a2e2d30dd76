package layout_test

import (
	"go/ast"
	"slices"
	"strings"
)

func noSkipping() rule {
	return rule{
		name: "no-skipping",
		fix:  "make the test run everywhere, or remove it: a skipped test proves nothing",
		check: eachTest(func(s source) []finding {
			return s.matches(s.syntax, "skips", skips)
		}),
	}
}

// skips tells whether node calls Skip on what tests, benchmarks and fuzz targets are given.
func skips(node ast.Node) bool {
	call, ok := node.(*ast.CallExpr)
	if !ok {
		return false
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !strings.HasPrefix(method.Sel.Name, "Skip") {
		return false
	}
	receiver, ok := method.X.(*ast.Ident)
	return ok && slices.Contains([]string{"t", "b", "f", "tb"}, receiver.Name)
}
