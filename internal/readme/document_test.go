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
	return document{root: root, path: path, lines: lines}
}

// walk calls visit with the paths of the files of the repository that end so, except test
// data.
func walk(t *testing.T, suffix string, visit func(path string)) {
	t.Helper()
	require.NoError(t, fs.WalkDir(os.DirFS(repository), ".", func(path string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		if err == nil && entry.IsDir() && path != "." && (name == "testdata" || strings.HasPrefix(name, ".")) {
			return fs.SkipDir
		}
		if strings.HasSuffix(name, suffix) {
			visit(path)
		}
		return err
	}))
}

func readDocuments(t *testing.T) []document {
	t.Helper()
	var found []document
	walk(t, ".md", func(path string) { found = append(found, readDocument(t, repository, path)) })
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
