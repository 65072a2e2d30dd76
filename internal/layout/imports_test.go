package layout_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	repository = "../.."
	module     = "github.com/taskhawk/taskhawk-go/"
)

// A boundary is what packages may not link, directly or through others, and why. Packages
// are named without the module's path; "/..." adds all below, "-" takes one out again. Of
// import paths, a prefix ends at a slash; "./" begins those of this module.
type boundary struct{ packages, never, why string }

func boundaries() []boundary {
	const (
		sdk    = "github.com/aws/aws-sdk-go-v2/service/"
		lambda = "github.com/aws/aws-lambda-go"
		all    = "codec/... taskhawk/... sqsx/... lambdax/... internal/..."
	)
	return []boundary{
		{"taskhawk/...", "github.com/aws ./sqsx ./lambdax ./internal/awsbatch", "the core knows no transport"},
		{
			"sqsx sqsx/sqscheck sqsx/schedule", "./lambdax ./sqsx/sqstest " + sdk + "sns " + lambda,
			"a worker links neither Lambda, SNS nor a test server",
		},
		{"lambdax/...", "./sqsx " + sdk + "sqs", "a function starts faster without the client of SQS"},
		{
			"internal/... -internal/awsbatch -internal/sqsqueue", "./codec ./taskhawk ./sqsx ./lambdax",
			"internal packages are leaves",
		},
		{
			"internal/awsbatch", "./sqsx ./lambdax " + sdk + "sqs " + sdk + "sns " + lambda,
			"what both publishers share knows neither of their services",
		},
		{all, "./examples ./bench ./internal/layout", "programs, benchmarks and checks are no libraries"},
		{
			"codec/... taskhawk taskhawk/contract sqsx sqsx/sqscheck lambdax/...",
			"testing github.com/stretchr/testify go.uber.org/goleak pgregory.net/rapid", "users link no test library",
		},
		{all, "go.opentelemetry.io", "traces and metrics are in the module taskhawk/oteltaskhawk"},
	}
}

// argued lists the modules that docs/decisions.md argues for. A slash at the end stands
// for all modules below.
func argued() []string {
	return []string{
		"github.com/aws/aws-sdk-go-v2/", "github.com/aws/aws-lambda-go", "github.com/aws/smithy-go",
		"github.com/go-playground/validator/v10", "github.com/google/uuid", "github.com/stretchr/testify",
		"go.uber.org/goleak", "go.yaml.in/yaml/v3", "pgregory.net/rapid",
	}
}

// crossings returns a line for each package and each forbidden prefix that it links.
func (b boundary) crossings(packages map[string][]string) []string {
	var found []string
	for importPath, deps := range packages {
		name := strings.TrimPrefix(importPath, module)
		if !named(name, b.packages) {
			continue
		}
		for prefix := range strings.FieldsSeq(b.never) {
			if i := slices.IndexFunc(deps, func(dep string) bool { return below(dep, prefix) }); i >= 0 {
				found = append(found, name+" links "+strings.TrimPrefix(deps[i], module))
			}
		}
	}
	return found
}

func named(name, patterns string) bool {
	found := false
	for pattern := range strings.FieldsSeq(patterns) {
		pattern, without := strings.CutPrefix(pattern, "-")
		parent, all := strings.CutSuffix(pattern, "/...")
		if name == parent || all && strings.HasPrefix(name, parent+"/") {
			found = !without
		}
	}
	return found
}

func below(importPath, prefix string) bool {
	if own, ok := strings.CutPrefix(prefix, "./"); ok {
		prefix = module + own
	}
	return importPath == prefix || strings.HasPrefix(importPath, strings.TrimSuffix(prefix, "/")+"/")
}

// links returns what each package of the module in dir links, without its tests.
func links(t *testing.T, dir string) map[string][]string {
	t.Helper()
	packages := map[string][]string{}
	// -e: an import that does not resolve is the compiler's finding.
	list := goOutput(t, dir, "list", "-e", "-f", "{{.ImportPath}} {{join .Deps \" \"}}", "./...")
	for line := range strings.Lines(string(list)) {
		fields := strings.Fields(line)
		packages[fields[0]] = fields[1:]
	}
	return packages
}

func goOutput(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", args...)
	command.Dir = dir
	out, err := command.Output()
	require.NoError(t, err, "go %s", strings.Join(args, " "))
	return out
}

// unargued returns the direct requirements of the module in dir that are not argued for.
func unargued(t *testing.T, dir string) []string {
	t.Helper()
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	require.NoError(t, json.Unmarshal(goOutput(t, dir, "mod", "edit", "-json"), &mod))
	require.NotEmpty(t, mod.Require)
	var found []string
	for _, r := range mod.Require {
		matches := func(path string) bool {
			return r.Path == path || strings.HasSuffix(path, "/") && strings.HasPrefix(r.Path+"/", path)
		}
		if !r.Indirect && !slices.ContainsFunc(argued(), matches) {
			found = append(found, r.Path)
		}
	}
	return found
}

// forgotten returns the folders of modules that a configuration of dependabot leaves out.
func forgotten(dependabot string, modules []string) []string {
	return slices.DeleteFunc(modules, func(folder string) bool {
		return strings.Contains(dependabot, `"`+folder+`"`)
	})
}

func TestImportsKeepTheirDirection(t *testing.T) {
	t.Parallel()
	packages := links(t, repository)
	for _, b := range boundaries() {
		require.Empty(t, b.crossings(packages), "cut the imports (go mod why finds them): %s", b.why)
	}
}

// The module in testdata/imports crosses every boundary.
func TestCrossedImportsAreFound(t *testing.T) {
	t.Parallel()
	const sdk, lambda = "github.com/aws/aws-sdk-go-v2/service/", "github.com/aws/aws-lambda-go"
	expected := [][]string{
		{"taskhawk links " + sdk + "sqs", "taskhawk/taskhawktest links lambdax", "taskhawk/taskhawktest links " + lambda},
		{"sqsx links lambdax", "sqsx links sqsx/sqstest", "sqsx links " + sdk + "sns", "sqsx links " + lambda},
		{"lambdax links " + sdk + "sqs"},
		{"internal/leaf links codec"},
		{"internal/awsbatch links " + sdk + "sns"},
		{"internal/leaf links examples/tasks"},
		{"codec links testing", "sqsx links testing"},
		{"internal/awsbatch links go.opentelemetry.io/otel"},
	}
	require.Len(t, boundaries(), len(expected))
	packages := links(t, "testdata/imports")
	for i, b := range boundaries() {
		require.ElementsMatch(t, expected[i], b.crossings(packages), b.packages)
	}
}

func TestRequirementsAreArguedFor(t *testing.T) {
	t.Parallel()
	require.Empty(t, unargued(t, repository), "say in docs/decisions.md why the library needs it, then list it in argued")
	require.Equal(t, []string{"github.com/goccy/go-json"}, unargued(t, "testdata/requirements"))
}

func TestDependabotUpdatesEveryModule(t *testing.T) {
	t.Parallel()
	dependabot, err := os.ReadFile(filepath.Join(repository, ".github/dependabot.yml"))
	require.NoError(t, err)
	var modules []string
	walk(t, repository, "go.mod", func(path, _ string) {
		modules = append(modules, strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), repository))
	})
	modules[slices.Index(modules, "")] = "/"
	require.Empty(t, forgotten(string(dependabot), modules))
	require.Equal(t, []string{"/b"}, forgotten(`directories: ["/", "/a"]`, []string{"/", "/a", "/b"}))
}
