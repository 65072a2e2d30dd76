package layout_test

import (
	"go/ast"
	"go/token"
	"strings"
)

func noInit() rule {
	return rule{
		name: "no-init",
		fix:  "do the work in a constructor: what happens at import time cannot be tested, ordered or avoided",
		check: eachFile(func(s source) []finding {
			var found []finding
			for _, fn := range s.functions() {
				if fn.Recv == nil && fn.Name.Name == "init" {
					found = append(found, s.at(fn.Pos(), "init function"))
				}
			}
			return found
		}),
	}
}

// noVariables allows what is made once and never assigned again: sentinel errors, lookup tables (arrays),
// type caches (maps, pools and once values of package sync, and reflect types), interface assertions.
func noVariables() rule {
	return rule{
		name:  "no-variables",
		fix:   "put it in a struct that is passed on, a constant or a function; allowed are sentinel errors, arrays and type caches",
		check: inLibraries(eachFile(variables)),
	}
}

func variables(s source) []finding {
	var found []finding
	for _, declaration := range s.syntax.Decls {
		group, ok := declaration.(*ast.GenDecl)
		if !ok || group.Tok != token.VAR {
			continue
		}
		for _, spec := range group.Specs {
			spec := spec.(*ast.ValueSpec)
			if name := spec.Names[0]; name.Name != "_" && !s.sentinel(spec) && !s.cache(spec) {
				found = append(found, s.at(name.Pos(), "package variable "+name.Name))
			}
		}
	}
	return found
}

func (s source) sentinel(spec *ast.ValueSpec) bool {
	named := strings.HasPrefix(strings.ToLower(spec.Names[0].Name), "err")
	return named && len(spec.Values) == 1 &&
		(s.calls(spec.Values[0], "errors", "New") || s.calls(spec.Values[0], "fmt", "Errorf"))
}

// cache tells whether the variable is a lookup table or a type cache.
func (s source) cache(spec *ast.ValueSpec) bool {
	switch typ := variableType(spec).(type) {
	case *ast.ArrayType:
		return typ.Len != nil
	case *ast.SelectorExpr:
		pkg, ok := typ.X.(*ast.Ident)
		return ok && pkg.Name == s.importName("sync") && (typ.Sel.Name == "Map" || typ.Sel.Name == "Pool")
	default:
		return len(spec.Values) == 1 && s.madeOnce(spec.Values[0])
	}
}

// variableType is the type as it is written: before the value, or in a composite literal.
func variableType(spec *ast.ValueSpec) ast.Expr {
	if spec.Type == nil && len(spec.Values) == 1 {
		if literal, ok := spec.Values[0].(*ast.CompositeLit); ok {
			return literal.Type
		}
	}
	return spec.Type
}

// madeOnce tells whether value is a reflect.Type or comes from sync.OnceValue.
func (s source) madeOnce(value ast.Expr) bool {
	if call, ok := value.(*ast.CallExpr); ok {
		if generic, ok := call.Fun.(*ast.IndexExpr); ok {
			value = &ast.CallExpr{Fun: generic.X}
		}
	}
	return s.calls(value, "reflect", "TypeFor", "TypeOf") || s.calls(value, "sync", "OnceValue", "OnceValues")
}
