package layout_test

import (
	"go/ast"
)

func leakChecked() rule {
	return rule{
		name:  "leak-checked",
		fix:   "add func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }",
		check: inLibraries(unchecked),
	}
}

func unchecked(f folder) []finding {
	tests := f.tests()
	for _, s := range tests {
		checks := func(node ast.Node) bool { return s.calls(node, "go.uber.org/goleak", "VerifyTestMain") }
		if len(s.matches(s.syntax, "", checks)) > 0 {
			return nil
		}
	}
	if len(tests) == 0 {
		return nil
	}
	return []finding{tests[0].at(tests[0].syntax.Package, "no test of the package looks for leaked goroutines")}
}
