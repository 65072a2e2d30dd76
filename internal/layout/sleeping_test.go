package layout_test

import (
	"go/ast"
	"strings"
)

// noSleeping allows time.Sleep where time is virtual: inside a function given to synctest.Test. A
// helper may sleep when its file imports synctest; that its callers are bubbles is theirs to keep.
func noSleeping() rule {
	return rule{
		name: "no-sleeping",
		fix:  "run the test in a synctest bubble, or wait for a channel: a sleep is either too long or too short",
		check: eachTest(func(s source) []finding {
			var found []finding
			for _, fn := range s.functions() {
				if s.importName("testing/synctest") == "" || testEntry(fn) {
					found = append(found, s.sleeps(fn)...)
				}
			}
			return found
		}),
	}
}

// sleeps finds the calls of time.Sleep in fn, without looking into its synctest bubbles.
func (s source) sleeps(fn ast.Node) []finding {
	var found []finding
	ast.Inspect(fn, func(node ast.Node) bool {
		if s.calls(node, "time", "Sleep") {
			found = append(found, s.at(node.Pos(), "sleeps in real time"))
		}
		return !s.calls(node, "testing/synctest", "Test")
	})
	return found
}

// testEntry tells whether the go command calls the function itself.
func testEntry(fn *ast.FuncDecl) bool {
	for _, prefix := range []string{"Test", "Benchmark", "Fuzz", "Example"} {
		if strings.HasPrefix(fn.Name.Name, prefix) {
			return fn.Recv == nil
		}
	}
	return false
}
