package layout_test

import (
	"cmp"
	"go/ast"
	"go/token"
	"regexp"
	"slices"
)

// documented asks for a doc comment on every name that a reader of the package's documentation sees,
// fields and interface methods among them. A comment over a group of constants or variables counts for
// all of them; a field or method may also be named in the comment of its type or of its neighbour above.
func documented() rule {
	return rule{
		name:  "documented",
		fix:   "write a doc comment: what a caller may rely on, units, defaults, errors, concurrency",
		check: eachFile(undocumented),
	}
}

func packageDocumented() rule {
	return rule{
		name: "package-documented",
		fix:  "write a package comment, in doc.go: what it is for and where to start; of a program, what it shows",
		check: func(f folder) []finding {
			code := f.code()
			if len(code) == 0 || slices.ContainsFunc(code, func(s source) bool { return s.syntax.Doc != nil }) {
				return nil
			}
			return []finding{code[0].at(code[0].syntax.Package, "package without a comment")}
		},
	}
}

func undocumented(s source) []finding {
	if s.syntax.Name.Name == "main" {
		return nil
	}
	var found []finding
	missing := func(name *ast.Ident, comments ...*ast.CommentGroup) {
		if name.IsExported() && !slices.ContainsFunc(comments, func(c *ast.CommentGroup) bool { return c != nil }) {
			found = append(found, s.at(name.Pos(), name.Name+" is exported and has no comment"))
		}
	}
	for _, declaration := range s.syntax.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if receiverExported(d) {
				missing(d.Name, d.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				specNames(spec, groupDoc(d), missing)
			}
		}
	}
	return found
}

// groupDoc is the comment over a declaration; over several types in parentheses it documents none.
func groupDoc(group *ast.GenDecl) *ast.CommentGroup {
	if group.Tok == token.TYPE && group.Lparen.IsValid() {
		return nil
	}
	return group.Doc
}

// specNames gives missing each name of a type, constant or variable, with the comments that document it.
func specNames(spec ast.Spec, group *ast.CommentGroup, missing func(*ast.Ident, ...*ast.CommentGroup)) {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		missing(spec.Name, spec.Doc, group)
		if spec.Name.IsExported() {
			memberNames(spec, cmp.Or(spec.Doc, group), missing)
		}
	case *ast.ValueSpec:
		for _, name := range spec.Names {
			missing(name, spec.Doc, spec.Comment, group)
		}
	}
}

// memberNames does the same for the fields of a struct or the methods of an interface.
func memberNames(spec *ast.TypeSpec, doc *ast.CommentGroup, missing func(*ast.Ident, ...*ast.CommentGroup)) {
	var above *ast.CommentGroup
	for _, member := range members(spec.Type) {
		above = cmp.Or(member.Doc, above)
		for _, name := range member.Names {
			missing(name, member.Doc, member.Comment, naming(name, above), naming(name, doc))
		}
	}
}

func members(typ ast.Expr) []*ast.Field {
	switch typ := typ.(type) {
	case *ast.StructType:
		return typ.Fields.List
	case *ast.InterfaceType:
		return typ.Methods.List
	default:
		return nil
	}
}

// naming is the comment when the name is a word of it.
func naming(name *ast.Ident, comment *ast.CommentGroup) *ast.CommentGroup {
	if regexp.MustCompile(`\b` + name.Name + `\b`).MatchString(comment.Text()) {
		return comment
	}
	return nil
}

// receiverExported is true for functions too: only methods of unexported types need no comment.
func receiverExported(fn *ast.FuncDecl) bool {
	if fn.Recv == nil {
		return true
	}
	receiver := fn.Recv.List[0].Type
	for {
		switch typ := receiver.(type) {
		case *ast.StarExpr:
			receiver = typ.X
		case *ast.IndexExpr:
			receiver = typ.X
		case *ast.IndexListExpr:
			receiver = typ.X
		default:
			name, ok := typ.(*ast.Ident)
			return ok && name.IsExported()
		}
	}
}
