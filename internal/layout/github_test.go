package layout_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// readYAML reads a file of the repository; members of no interest are passed over.
func readYAML(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, path))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, into), path)
}

func TestTheWorkflowRunsWhatCIRuns(t *testing.T) {
	t.Parallel()
	var workflow struct {
		Permissions map[string]string
		Jobs        map[string]struct {
			If       string
			Strategy struct{ Matrix struct{ Go []string } }
			Steps    []struct{ Uses, Run string }
		}
	}
	readYAML(t, ".github/workflows/ci.yml", &workflow)
	require.Equal(t, map[string]string{"contents": "read"}, workflow.Permissions)
	ci := workflow.Jobs["ci"]
	require.Equal(t, []string{"1.26.x", "1.27.x"}, ci.Strategy.Matrix.Go)
	require.Equal(t, ".ci/run", ci.Steps[len(ci.Steps)-1].Run)
	makefile, err := os.ReadFile(filepath.Join(repository, "Makefile"))
	require.NoError(t, err)
	benchmarks := workflow.Jobs["benchmarks"]
	require.Equal(t, "github.event_name == 'pull_request'", benchmarks.If)
	targets := 0
	for _, step := range benchmarks.Steps {
		if target := regexp.MustCompile(`^make (\S+)`).FindStringSubmatch(step.Run); target != nil {
			require.Regexp(t, `(?m)^`+target[1]+`:`, string(makefile))
			targets++
		}
	}
	require.Equal(t, 2, targets, "the gate, and the comparison with the base")
}

func TestDependabotKnowsModules(t *testing.T) {
	t.Parallel()
	var config struct {
		Updates []struct {
			Ecosystem   string `yaml:"package-ecosystem"`
			Directories []string
			Groups      map[string]struct{ Patterns []string }
		}
	}
	readYAML(t, ".github/dependabot.yml", &config)
	modules := config.Updates[0]
	require.Equal(t, "gomod", modules.Ecosystem)
	require.Contains(t, modules.Directories, "/")
	for _, directory := range modules.Directories {
		require.FileExists(t, filepath.Join(repository, directory, "go.mod"))
	}
	require.Equal(t, []string{"github.com/aws/*"}, modules.Groups["aws"].Patterns, "they are released together")
}
