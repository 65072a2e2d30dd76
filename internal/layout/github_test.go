package layout_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// badWorkflow returns what is wrong with a workflow of GitHub, whose versions of Go have to
// be those of go.mod and of .ci/run.
func badWorkflow(t *testing.T, text string) []string {
	t.Helper()
	var workflow struct {
		Permissions map[string]string
		Jobs        map[string]struct {
			Permissions any
			Timeout     int `yaml:"timeout-minutes"`
			Strategy    struct{ Matrix struct{ Go []string } }
			Steps       []struct{ Uses, Run string }
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(text), &workflow))
	minors := regexp.MustCompile(`(?m)^(?:go |next=go)(\d+\.\d+)`).FindAllStringSubmatch(read(t, "go.mod")+read(t, ".ci/run"), -1)
	versions := []string{minors[0][1] + ".x", minors[1][1] + ".x"}
	found := map[string]bool{}
	refuse := func(what string, bad bool) { found[what] = found[what] || bad }

	refuse("permissions", !maps.Equal(workflow.Permissions, map[string]string{"contents": "read"}))
	for _, version := range regexp.MustCompile(`\d+\.\d+\.x`).FindAllString(text, -1) {
		refuse("version "+version, !slices.Contains(versions, version))
	}
	for name, job := range workflow.Jobs {
		calls := ""
		for _, step := range job.Steps {
			calls += "\n" + step.Run
			refuse(step.Uses, step.Uses != "" && !regexp.MustCompile(`@v\d+\.\d+\.\d+$`).MatchString(step.Uses))
		}
		targets := regexp.MustCompile(`\n(make [\w-]+)`).FindAllStringSubmatch(calls, -1)
		for _, target := range targets {
			refuse(target[1], !strings.Contains(read(t, "Makefile"), "\n"+target[1][5:]+":"))
		}
		ci := strings.Contains(calls, "\n.ci/run")
		refuse(name+": calls", !ci && len(targets) == 0)
		refuse(name+": matrix", ci && !slices.Equal(job.Strategy.Matrix.Go, versions))
		refuse(name+": permissions", job.Permissions != nil)
		refuse(name+": timeout", job.Timeout == 0)
	}
	maps.DeleteFunc(found, func(_ string, bad bool) bool { return !bad })
	return slices.Sorted(maps.Keys(found))
}

func TestWorkflowsKeepTheirRules(t *testing.T) {
	t.Parallel()
	walk(t, filepath.Join(repository, ".github/workflows"), "*", func(path, text string) {
		require.Empty(t, badWorkflow(t, text), path)
	})
	require.Equal(t, []string{
		"actions/checkout@v5", "make nothing", "one: matrix", "one: permissions", "permissions", "two: calls", "two: timeout", "version 1.25.x",
	}, badWorkflow(t, read(t, "internal/layout/testdata/workflow.yml")))
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
