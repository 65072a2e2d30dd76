package readme_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A program is a block that begins with "package", and the fragments that follow it.
type program struct {
	folder string // unique in the module that all of them are compiled in
	name   string // of its package
	blocks []block
}

// programs parts the Go blocks of a document.
func programs(d document) []program {
	var found []program
	begin := func(name string) {
		base := strings.NewReplacer("/", "_", ".md", "").Replace(strings.ToLower(d.path))
		found = append(found, program{folder: fmt.Sprintf("%s_%d", base, len(found)), name: name})
	}
	for _, b := range d.blocks("go") {
		switch {
		case b.whole():
			begin(packageName(b))
		case len(found) == 0:
			begin("snippets")
		}
		last := &found[len(found)-1]
		last.blocks = append(last.blocks, b)
	}
	return found
}

func packageName(b block) string {
	file, err := parser.ParseFile(token.NewFileSet(), "", b.text, parser.PackageClauseOnly)
	if err != nil {
		return "broken"
	}
	return file.Name.Name
}

// write puts the program's files into its folder below module, with the names that its
// fragments assume.
func (p program) write(t *testing.T, module, setting string) {
	t.Helper()
	folder := filepath.Join(module, p.folder)
	require.NoError(t, os.MkdirAll(folder, 0o755))
	create := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	for i, b := range p.blocks {
		source, err := b.complete(p.name)
		if err != nil {
			source = "package " + p.name + "\n" + b.at() + b.text // for the compiler to say what is wrong
		}
		name := fmt.Sprintf("block%d.go", i)
		if b.test() {
			name = fmt.Sprintf("block%d_test.go", i)
		}
		create(name, source)
	}
	if len(p.blocks) > 1 || !p.blocks[0].whole() {
		create("setting.go", regexp.MustCompile(`(?m)^package \w+`).ReplaceAllString(setting, "package "+p.name))
	}
}

func TestFragmentsBelongToTheProgramBeforeThem(t *testing.T) {
	t.Parallel()
	d := document{path: "docs/a.md", lines: []string{
		"```go", "x := 1", "```",
		"```go", "package main", "func main() {}", "```",
		"```go", "type t struct{}", "```",
	}}
	found := programs(d)
	require.Len(t, found, 2)
	require.Equal(t, "snippets", found[0].name)
	require.Len(t, found[0].blocks, 1)
	require.Equal(t, "docs_a_1", found[1].folder)
	require.Equal(t, "main", found[1].name)
	require.Len(t, found[1].blocks, 2)
}
