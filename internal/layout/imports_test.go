package layout_test

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	repository = "../.."
	module     = "github.com/taskhawk/taskhawk-go/"

	aws    = "github.com/aws/"
	sqs    = "github.com/aws/aws-sdk-go-v2/service/sqs"
	sns    = "github.com/aws/aws-sdk-go-v2/service/sns"
	lambda = "github.com/aws/aws-lambda-go"
)

// A boundary is what packages may not link, directly or through others. Packages are
// named without the module's path, "/..." means all below as well, "-" takes one out
// again. Of import paths, a prefix ends at a slash; "./" begins those of this module.
type boundary struct {
	packages string
	never    []string
	why      string
}

func boundaries() []boundary {
	return []boundary{
		{
			packages: "taskhawk/...", never: []string{aws, "./sqsx", "./lambdax", "./internal/awsbatch"},
			why: "the core knows no transport: a new one changes nothing here, and users link no SDK they do not use",
		},
		{
			packages: "sqsx sqsx/sqscheck sqsx/schedule", never: []string{"./lambdax", "./sqsx/sqstest", sns, lambda},
			why: "a worker links neither Lambda, SNS nor a test server",
		},
		{
			packages: "lambdax/...", never: []string{"./sqsx", sqs},
			why: "a function starts faster without the SQS client; it settles through an interface of the core",
		},
		{
			packages: "internal/... -internal/awsbatch -internal/sqsqueue", never: []string{"./codec", "./taskhawk", "./sqsx", "./lambdax"},
			why: "internal packages are leaves",
		},
		{
			packages: "internal/awsbatch", never: []string{"./sqsx", "./lambdax", sqs, sns, lambda},
			why: "what both publishers share knows neither of their services",
		},
		{
			packages: "codec/... taskhawk/... sqsx/... lambdax/... internal/...",
			never:    []string{"./examples", "./bench", "./internal/layout"},
			why:      "programs, benchmarks and checks are no libraries",
		},
		{
			packages: "codec/... taskhawk taskhawk/contract sqsx sqsx/sqscheck lambdax/...",
			never:    []string{"testing", "github.com/stretchr/testify", "go.uber.org/goleak", "pgregory.net/rapid"},
			why:      "users link no test library",
		},
		{
			packages: "codec/... taskhawk/... sqsx/... lambdax/... internal/...", never: []string{"go.opentelemetry.io"},
			why: "traces and metrics are for those who ask for them: taskhawk/oteltaskhawk is a module",
		},
	}
}

// argued are the modules that docs/decisions.md argues for, the AWS SDK's own parts
// aside.
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

// crossings returns what cannot be linked and is, one line a package and forbidden
// prefix.
func (b boundary) crossings(packages map[string][]string) []string {
	var found []string
	for importPath, deps := range packages {
		name := strings.TrimPrefix(importPath, module)
		if !named(name, b.packages) {
			continue
		}
		for _, prefix := range b.never {
			if i := slices.IndexFunc(deps, func(dep string) bool { return below(dep, prefix) }); i >= 0 {
				found = append(found, name+" links "+strings.TrimPrefix(deps[i], module))
			}
		}
	}
	return found
}

// links returns what each package of the module in dir links, tests left out.
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
		if !r.Indirect && !slices.Contains(argued(), r.Path) && !below(r.Path, "github.com/aws/aws-sdk-go-v2") {
			found = append(found, r.Path)
		}
	}
	return found
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
	expected := [][]string{
		{"taskhawk links " + sqs, "taskhawk/taskhawktest links lambdax", "taskhawk/taskhawktest links " + lambda},
		{"sqsx links lambdax", "sqsx links sqsx/sqstest", "sqsx links " + sns, "sqsx links " + lambda},
		{"lambdax links " + sqs},
		{"internal/leaf links codec"},
		{"internal/awsbatch links " + sns},
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
