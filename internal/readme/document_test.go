package readme_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// repository is the module's root, seen from this package's folder, where go test runs.
const repository = "../.."

// A document is one Markdown file.
type document struct {
	path  string // from the root, with slashes
	lines []string
}

// A block is what stands between two fences of a document.
type block struct {
	path     string
	language string
	line     int // of its first line of code, from 1
	text     string
}

func readDocument(t *testing.T, root, path string) document {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	require.NoError(t, err)
	return document{path: filepath.ToSlash(path), lines: strings.Split(string(text), "\n")}
}

// readDocuments reads every Markdown file of the repository, test data aside.
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

// blocks are the fenced blocks in a language, in order.
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

// prose are the lines outside of fenced blocks, by line number.
func (d document) prose() map[int]string {
	found := map[int]string{}
	fenced := false
	for i, line := range d.lines {
		if strings.HasPrefix(line, fence) {
			fenced = !fenced
			continue
		}
		if !fenced {
			found[i+1] = line
		}
	}
	return found
}

func TestBlocksOfADocument(t *testing.T) {
	t.Parallel()
	d := document{path: "a.md", lines: strings.Split("x\n```go\none\ntwo\n```\n```json\n{}\n```\ny", "\n")}
	require.Equal(t, []block{{path: "a.md", language: "go", line: 3, text: "one\ntwo\n"}}, d.blocks("go"))
	require.Equal(t, map[int]string{1: "x", 9: "y"}, d.prose())
}
