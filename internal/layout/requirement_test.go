package layout_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A requirement is one line of a go.mod.
type requirement struct {
	Path     string
	Indirect bool // needed by another module, not by an import of this one
}

// readRequirements reads what the go.mod in dir requires; nothing when there is none.
func readRequirements(t *testing.T, dir string) []requirement {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		return nil
	}
	var mod struct{ Require []requirement }
	require.NoError(t, json.Unmarshal(output(t, dir, "go", "mod", "edit", "-json"), &mod))
	return mod.Require
}

// argued are the modules that docs/decisions.md argues for, the AWS SDK's own parts aside.
func argued() []string {
	return []string{
		"github.com/aws/aws-lambda-go",
		"github.com/aws/smithy-go",
		"github.com/go-playground/validator/v10",
		"github.com/google/uuid",
		"github.com/stretchr/testify",
		"go.uber.org/goleak",
		"go.yaml.in/yaml/v3",
		"pgregory.net/rapid",
	}
}

// unargued is the direct requirements that nobody argued for.
func unargued(root []requirement) []string {
	var found []string
	for _, r := range root {
		if !r.Indirect && !slices.Contains(argued(), r.Path) && !strings.HasPrefix(r.Path, "github.com/aws/aws-sdk-go-v2") {
			found = append(found, r.Path)
		}
	}
	return found
}

// leaked is the modules that only the benchmarks need and the root requires all the same.
func leaked(root, bench []requirement) []string {
	var found []string
	for _, rival := range bench {
		if !rival.Indirect && !slices.Contains(argued(), rival.Path) && !strings.HasPrefix(rival.Path, "github.com/aws/") &&
			slices.ContainsFunc(root, func(r requirement) bool { return r.Path == rival.Path }) {
			found = append(found, rival.Path)
		}
	}
	return found
}

func TestRequirementsAreArguedFor(t *testing.T) {
	t.Parallel()
	root := readRequirements(t, repository)
	require.NotEmpty(t, root)
	require.Empty(t, unargued(root), "say in docs/decisions.md why the library needs it, then list it in argued")

	bench := filepath.Join(repository, "bench")
	require.Empty(t, leaked(root, readRequirements(t, bench)), "rivals stay in bench/go.mod: users would get them all")
	require.Empty(t, listBuild(t, repository).own("bench/..."), "give bench/ a go.mod of its own: its rivals are not for users")
}

func TestRequirementsFindTheirFixture(t *testing.T) {
	t.Parallel()
	root := readRequirements(t, "testdata/requirements")
	require.Equal(t, []string{"github.com/goccy/go-json"}, unargued(root))
	bench := readRequirements(t, "testdata/requirements/bench")
	require.Equal(t, []string{"github.com/bytedance/sonic", "github.com/goccy/go-json"}, leaked(root, bench))
}
