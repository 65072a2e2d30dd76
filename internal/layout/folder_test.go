package layout_test

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A folder is the Go files of one directory.
type folder struct {
	path    string
	sources []source
}

// code is the files that are not tests.
func (f folder) code() []source {
	return slices.DeleteFunc(slices.Clone(f.sources), func(s source) bool { return s.test })
}

// tests is the files that are.
func (f folder) tests() []source {
	return slices.DeleteFunc(slices.Clone(f.sources), func(s source) bool { return !s.test })
}

// library tells whether others import the package: it is no program, no example and no benchmark.
func (f folder) library() bool {
	top, _, _ := strings.Cut(f.path, "/")
	code := f.code()
	return top != "examples" && top != "bench" && (len(code) == 0 || code[0].syntax.Name.Name != "main")
}

// readFolder parses the Go files directly in root/name.
func readFolder(t *testing.T, root, name string) folder {
	t.Helper()
	found := folder{path: filepath.ToSlash(name)}
	matches, err := filepath.Glob(filepath.Join(root, name, "*.go"))
	require.NoError(t, err)
	for _, match := range matches {
		found.sources = append(found.sources, parseSource(t, root, filepath.Join(name, filepath.Base(match))))
	}
	return found
}

// readTree parses every Go file below root as the go command sees it: without testdata and without
// names that begin with a dot or an underscore. Nested modules such as bench/ are included.
func readTree(t *testing.T, root string) []folder {
	t.Helper()
	var found []folder
	require.NoError(t, filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		if file != root && (entry.Name() == "testdata" || strings.ContainsAny(entry.Name()[:1], "._")) {
			return filepath.SkipDir
		}
		name, err := filepath.Rel(root, file)
		if dir := readFolder(t, root, name); len(dir.sources) > 0 {
			found = append(found, dir)
		}
		return err
	}))
	require.NotEmpty(t, found, "no Go file below %s", root)
	return found
}
