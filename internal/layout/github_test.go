package layout_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// read returns a file of the repository.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, path))
	require.NoError(t, err)
	return string(text)
}

func TestDependabotUpdatesEveryModule(t *testing.T) {
	t.Parallel()
	var modules []string
	walk(t, repository, "go.mod", func(path, _ string) {
		modules = append(modules, filepath.Dir(strings.TrimPrefix(filepath.ToSlash(path), repository)))
	})
	var config struct {
		Updates []struct{ Directories []string }
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, ".github/dependabot.yml")), &config))
	require.ElementsMatch(t, modules, config.Updates[0].Directories)
}
