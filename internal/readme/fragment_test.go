package readme_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// packagesByName are the imports that a fragment gets when it uses their names.
func packagesByName() map[string]string {
	const own = "github.com/taskhawk/taskhawk-go/"
	const sdk = "github.com/aws/aws-sdk-go-v2/"
	return map[string]string{
		"aws": sdk + "aws", "config": sdk + "config", "sqs": sdk + "service/sqs", "sns": sdk + "service/sns", "types": sdk + "service/sqs/types",
		"codec": own + "codec", "taskhawk": own + "taskhawk", "contract": own + "taskhawk/contract", "taskhawktest": own + "taskhawk/taskhawktest",
		"sqsx": own + "sqsx", "sqscheck": own + "sqsx/sqscheck", "sqstest": own + "sqsx/sqstest", "lambdax": own + "lambdax", "lambdatest": own + "lambdax/lambdatest",
		"oteltaskhawk": own + "taskhawk/oteltaskhawk", "schedule": own + "sqsx/schedule", "scheduler": sdk + "service/scheduler",
		"events": "github.com/aws/aws-lambda-go/events", "lambda": "github.com/aws/aws-lambda-go/lambda",
		"context": "context", "errors": "errors", "fmt": "fmt", "http": "net/http", "io": "io", "json": "encoding/json", "log": "log",
		"os": "os", "rand": "math/rand/v2", "require": "github.com/stretchr/testify/require", "signal": "os/signal",
		"slog": "log/slog", "strings": "strings", "sync": "sync", "synctest": "testing/synctest", "syscall": "syscall",
		"testing": "testing", "time": "time", "uuid": "github.com/google/uuid",
		"validator": "github.com/go-playground/validator/v10",
	}
}

// wrappers are what a fragment may stand in: declarations need a package only, statements
// a function too. A fragment that ends with its own return is tried first, since nothing
// may follow it.
func wrappers() []struct{ before, after string } {
	const statements = "func _(ctx context.Context) error {\n"
	return []struct{ before, after string }{{"", ""}, {statements, "}\n"}}
}

// complete makes a file of package name out of a block: imports, a wrapper, and uses of
// the variables that it leaves unused, as snippets do. Compilers report errors at the
// lines of the document.
func (b block) complete(name string) (source string, err error) {
	if b.whole() {
		return b.at() + b.text, nil
	}
	for _, w := range wrappers() {
		text := "package " + name + "\n" + w.before + b.at() + b.text + w.after
		file, problem := parser.ParseFile(token.NewFileSet(), "", text, parser.SkipObjectResolution)
		if err = problem; err != nil {
			continue
		}
		after := w.after
		if w.before != "" {
			after = ending(file) + after
		}
		return "package " + name + "\n" + imports(file) + w.before + b.at() + b.text + after, nil
	}
	return "", err
}

// whole reports whether the block is a file as it stands.
func (b block) whole() bool { return strings.HasPrefix(b.text, "package ") }

// at is the directive that makes what follows lines of the document.
func (b block) at() string { return fmt.Sprintf("//line /%s:%d\n", b.path, b.line) }

// test reports whether the block belongs into a _test.go file.
func (b block) test() bool { return strings.Contains(b.text, "*testing.") }

func imports(file *ast.File) string {
	known, used := packagesByName(), map[string]bool{}
	ast.Inspect(file, func(node ast.Node) bool {
		if selector, ok := node.(*ast.SelectorExpr); ok {
			if name, ok := selector.X.(*ast.Ident); ok && known[name.Name] != "" {
				used[known[name.Name]] = true
			}
		}
		return true
	})
	var text strings.Builder
	for _, path := range slices.Sorted(maps.Keys(used)) {
		text.WriteString("import " + strconv.Quote(path) + "\n")
	}
	return text.String()
}

// ending uses the variables of the only function of the file and returns from it, unless
// it does so itself.
func ending(file *ast.File) string {
	body := file.Decls[0].(*ast.FuncDecl).Body.List
	if len(body) > 0 {
		if _, returns := body[len(body)-1].(*ast.ReturnStmt); returns {
			return ""
		}
	}
	var text strings.Builder
	for _, statement := range body {
		for _, name := range defined(statement) {
			text.WriteString("_ = " + name + "\n")
		}
	}
	return text.String() + "return nil\n"
}

// defined are the variables that a statement declares for those after it.
func defined(statement ast.Stmt) []string {
	assign, ok := statement.(*ast.AssignStmt)
	if !ok || assign.Tok != token.DEFINE {
		return nil
	}
	var names []string
	for _, left := range assign.Lhs {
		if name := left.(*ast.Ident).Name; name != "_" {
			names = append(names, name)
		}
	}
	return names
}
