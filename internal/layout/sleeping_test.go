package layout_test

import (
	"go/ast"
	"strings"
)

// noSleeping allows time.Sleep where time is virtual: in a test that opens a synctest bubble, itself or
// through a helper, and in helpers of a package that has bubbles.
func noSleeping() rule {
	return rule{
		name:  "no-sleeping",
		fix:   "run the test in a synctest bubble, or wait for a channel: a sleep is either too long or too short",
		check: sleepers,
	}
}

func sleepers(f folder) []finding {
	opening := bubbles(f.tests())
	return over(f.tests(), func(s source) []finding {
		var found []finding
		for _, fn := range s.functions() {
			if virtual := opening[fn.Name.Name] || len(opening) > 0 && !testEntry(fn); !virtual {
				found = append(found, s.matches(fn, "sleeps in real time", func(node ast.Node) bool {
					return s.calls(node, "time", "Sleep")
				})...)
			}
		}
		return found
	})
}

// bubbles is the names of the functions that call synctest.Test, or another one that does.
func bubbles(tests []source) map[string]bool {
	opening := map[string]bool{}
	for known := -1; known < len(opening); {
		known = len(opening)
		for _, s := range tests {
			for _, fn := range s.functions() {
				if len(s.matches(fn, "", func(node ast.Node) bool { return s.opens(node, opening) })) > 0 {
					opening[fn.Name.Name] = true
				}
			}
		}
	}
	return opening
}

// opens tells whether node is a call of synctest.Test or of one of the functions.
func (s source) opens(node ast.Node, functions map[string]bool) bool {
	if s.calls(node, "testing/synctest", "Test") {
		return true
	}
	call, ok := node.(*ast.CallExpr)
	if !ok {
		return false
	}
	name, ok := call.Fun.(*ast.Ident)
	return ok && functions[name.Name]
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
