package layout_test

import (
	"go/ast"
)

func noPrinting() rule {
	return rule{
		name: "no-printing",
		fix:  "return it, or log it with the slog.Logger of the configuration: a library's output is its caller's",
		check: inLibraries(eachFile(func(s source) []finding {
			return s.matches(s.syntax, "prints to standard output or error", func(node ast.Node) bool {
				return s.calls(node, "fmt", "Print", "Printf", "Println") || printsBuiltin(node)
			})
		})),
	}
}

func printsBuiltin(node ast.Node) bool {
	call, ok := node.(*ast.CallExpr)
	if !ok {
		return false
	}
	name, ok := call.Fun.(*ast.Ident)
	return ok && (name.Name == "print" || name.Name == "println")
}
