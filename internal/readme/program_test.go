package readme_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A program is a block that begins with "package", and the fragments that follow it.
type program struct {
	folder string // unique in the module that all programs are compiled in
	name   string // of its package
	blocks []block
}

// programs divides the Go blocks of a document.
func programs(d document) []program {
	var found []program
	for _, b := range d.blocks("go") {
		if b.whole() || len(found) == 0 {
			base := strings.NewReplacer("/", "_", ".md", "").Replace(strings.ToLower(d.path))
			p := program{folder: fmt.Sprintf("%s_%d", base, len(found)), name: "snippets"}
			if match := packageClause.FindStringSubmatch(b.text); match != nil {
				p.name = match[1]
			}
			found = append(found, p)
		}
		last := &found[len(found)-1]
		last.blocks = append(last.blocks, b)
	}
	return found
}

var packageClause = regexp.MustCompile(`(?m)^package (\w+)`)

// whole reports whether the block is a file as it stands.
func (b block) whole() bool { return strings.HasPrefix(b.text, "package ") }

// write puts the files of the program into its folder of the module, with the names that
// its fragments assume.
func (p program) write(t *testing.T, module, setting string) {
	t.Helper()
	folder := filepath.Join(module, p.folder)
	require.NoError(t, os.MkdirAll(folder, 0o755))
	create := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	for i, b := range p.blocks {
		suffix := ""
		if strings.Contains(b.text, "*testing.") {
			suffix = "_test"
		}
		create(fmt.Sprintf("block%d%s.go", i, suffix), b.complete(p.name))
	}
	if len(p.blocks) > 1 || !p.blocks[0].whole() {
		create("setting.go", packageClause.ReplaceAllString(setting, "package "+p.name))
	}
}

// complete makes a file of package name out of a block: imports, a function around
// statements, and uses of the variables that the statements leave unused. Compilers
// report errors at the lines of the document.
func (b block) complete(name string) string {
	head, text := "package "+name+"\n", fmt.Sprintf("//line /%s:%d\n", b.path, b.line)+b.text
	if b.whole() {
		return text
	}
	file, err := parser.ParseFile(token.NewFileSet(), "", head+text, parser.SkipObjectResolution)
	if err == nil { // declarations
		return head + imports(file) + text
	}
	before, after := "func _(ctx context.Context) error {\n", ending(b.text)+"}\n"
	file, err = parser.ParseFile(token.NewFileSet(), "", head+before+text+after, parser.SkipObjectResolution)
	if err != nil {
		return head + text // the compiler reports the error
	}
	return head + imports(file) + before + text + after
}

// ending returns statements that use the variables of statements and return, unless they
// end with a return themselves.
func ending(statements string) string {
	if regexp.MustCompile(`(?m)^return.*\s*\z`).MatchString(statements) {
		return ""
	}
	text := ""
	for _, match := range regexp.MustCompile(`(?m)^(\w+(?:, \w+)*) :=`).FindAllStringSubmatch(statements, -1) {
		for name := range strings.SplitSeq(match[1], ", ") {
			if name != "_" {
				text += "_ = " + name + "\n"
			}
		}
	}
	return text + "return nil\n"
}

// imports returns import declarations for the packages that a file uses.
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

// packagesByName returns the imports that a fragment gets if it uses their names.
func packagesByName() map[string]string {
	const own, sdk = "github.com/taskhawk/taskhawk-go/", "github.com/aws/aws-sdk-go-v2/"
	found := map[string]string{}
	for importPath := range strings.FieldsSeq("context encoding/json errors fmt io log log/slog math/rand/v2 net/http os " +
		"os/signal strings sync syscall testing testing/synctest time " + own + "codec " + own + "lambdax " + own + "lambdax/lambdatest " +
		own + "sqsx " + own + "sqsx/schedule " + own + "sqsx/sqscheck " + own + "sqsx/sqstest " + own + "taskhawk " + own + "taskhawk/contract " +
		own + "taskhawk/oteltaskhawk " + own + "taskhawk/taskhawktest " + sdk + "aws " + sdk + "config " + sdk + "service/scheduler " +
		sdk + "service/sns " + sdk + "service/sqs " + sdk + "service/sqs/types github.com/aws/aws-lambda-go/events " +
		"github.com/aws/aws-lambda-go/lambda github.com/go-playground/validator/v10 github.com/google/uuid github.com/stretchr/testify/require") {
		found[path.Base(regexp.MustCompile(`/v\d+$`).ReplaceAllString(importPath, ""))] = importPath
	}
	return found
}
