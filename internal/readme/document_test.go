package readme_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// repository is the root of the module, seen from the folder of this package, where go
// test runs.
const repository = "../.."

// A document is one Markdown file.
type document struct {
	root  string // the folder that its links stay in
	path  string // from the root, with slashes
	lines []string
}

// A block is the text between two fences of a document.
type block struct {
	path     string
	language string
	line     int // of its first line of code, from 1
	text     string
}

// A finding is a place of a document that breaks a rule.
type finding struct {
	path string
	line int
	text string
}

func (f finding) String() string { return fmt.Sprintf("%s:%d: %s", f.path, f.line, f.text) }

func readText(t *testing.T, elements ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(elements...))
	require.NoError(t, err)
	return string(text)
}

func readDocument(t *testing.T, root, path string) document {
	t.Helper()
	lines := strings.Split(readText(t, root, path), "\n")
	return document{root: root, path: filepath.ToSlash(path), lines: lines}
}

// readDocuments reads every Markdown file of the repository except test data.
func readDocuments(t *testing.T) []document {
	t.Helper()
	var found []document
	require.NoError(t, filepath.WalkDir(repository, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && path != repository && (name == "testdata" || strings.HasPrefix(name, ".")) {
			return filepath.SkipDir
		}
		if filepath.Ext(name) == ".md" {
			relative, err := filepath.Rel(repository, path)
			require.NoError(t, err)
			found = append(found, readDocument(t, repository, relative))
		}
		return nil
	}))
	return found
}

const fence = "```"

// blocks returns the fenced blocks in a language, in order.
func (d document) blocks(language string) []block {
	var found []block
	var open *block
	for i, line := range d.lines {
		switch {
		case open == nil && strings.HasPrefix(line, fence):
			open = &block{path: d.path, language: strings.TrimPrefix(line, fence), line: i + 2}
		case open != nil && line == fence:
			if open.language == language {
				found = append(found, *open)
			}
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	return found
}

// prose returns the lines of the document. Lines in fenced blocks are empty, so that line
// numbers stay.
func (d document) prose() []string {
	lines := make([]string, len(d.lines))
	fenced := false
	for i, line := range d.lines {
		if strings.HasPrefix(line, fence) {
			fenced = !fenced
		} else if !fenced {
			lines[i] = line
		}
	}
	return lines
}

func TestBlocksOfADocument(t *testing.T) {
	t.Parallel()
	d := document{path: "a.md", lines: strings.Split("x\n```go\none\ntwo\n```\n```json\n{}\n```\ny", "\n")}
	require.Equal(t, []block{{path: "a.md", language: "go", line: 3, text: "one\ntwo\n"}}, d.blocks("go"))
	require.Equal(t, []string{"x", "", "", "", "", "", "", "", "y"}, d.prose())
}
