package layout_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A boundary is what a package may not link, directly or through others. Prefixes of import paths; those
// of our own packages begin with "./".
type boundary struct {
	packages string   // names of packages; with /... the package and all below
	except   string   // those of them that it does not hold for
	never    []string // what it may not link
	only     []string // when set, all that it may link beside the standard library
	why      string
}

const (
	libraries = "codec/... taskhawk/... sqsx/... lambdax/... internal/..."

	// onTheCore are the internal packages that may import the core.
	onTheCore = "internal/awsbatch internal/sqsqueue"

	aws     = "github.com/aws/"
	service = "github.com/aws/aws-sdk-go-v2/service"
	sqs     = service + "/sqs"
	sns     = service + "/sns"
	lambda  = "github.com/aws/aws-lambda-go"
)

func boundaries() []boundary {
	return []boundary{
		{
			packages: "codec/...", only: []string{"./codec", "./internal/jsontext"},
			why: "the codec can be read, fuzzed and reused without anything else",
		},
		{
			packages: "taskhawk/...", never: []string{aws, "./sqsx", "./lambdax"},
			why: "the core knows no transport: a new one needs no change of it, and its users link no SDK they do not use",
		},
		{
			packages: "sqsx sqsx/sqscheck", never: []string{"./lambdax", "./sqsx/sqstest", sns, lambda},
			why: "neither a worker nor a check of its queues links Lambda, SNS or a test server",
		},
		{
			packages: "lambdax/...", never: []string{"./sqsx", sqs},
			why: "a function starts faster without the SQS client; it settles records through an interface of the core",
		},
		{
			packages: "sqsx/sqstest", never: []string{"./"},
			why: "the server shares no code with what it tests: a mistake on both sides would hide itself",
		},
		{
			packages: "lambdax/lambdatest", never: []string{"./", aws},
			why: "the runtime shares no code with what it tests, and needs nothing but the standard library",
		},
		{
			packages: "internal/...", except: onTheCore, never: []string{"./codec", "./taskhawk", "./sqsx", "./lambdax"},
			why: "internal packages are leaves",
		},
		{
			packages: onTheCore, never: []string{"./sqsx", "./lambdax"},
			why: "what the transports share knows the core, and none of them",
		},
		{
			packages: "internal/awsbatch", never: []string{service, lambda},
			why: "the publishers of SQS and SNS share it: neither links the client of the other",
		},
		{
			packages: libraries, never: []string{"./examples", "./bench", "./internal/layout"},
			why: "programs, benchmarks and checks are no libraries",
		},
		{
			packages: "codec/... taskhawk sqsx sqsx/sqscheck lambdax/...",
			never:    []string{"testing", "github.com/stretchr/testify", "go.uber.org/goleak", "pgregory.net/rapid"},
			why:      "users link no test library of ours",
		},
	}
}

// crossings is the chains of imports that cross the boundary.
func (b build) crossings(rule boundary) []string {
	var found []string
	for _, name := range b.own(rule.packages) {
		if named(name, rule.except) {
			continue
		}
		found = append(found, b.routes(module+name, func(importPath string) bool {
			foreign := rule.only != nil && !b[importPath].Standard && !hasPrefix(importPath, rule.only)
			return foreign || hasPrefix(importPath, rule.never)
		})...)
	}
	return found
}

func hasPrefix(importPath string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if own, ok := strings.CutPrefix(prefix, "./"); ok {
			prefix = module + own
		}
		if importPath == prefix || strings.HasPrefix(importPath, strings.TrimSuffix(prefix, "/")+"/") {
			return true
		}
	}
	return false
}

func TestImportsKeepTheirDirection(t *testing.T) {
	t.Parallel()
	packages := listBuild(t, repository)
	for _, rule := range boundaries() {
		require.Empty(t, strings.Join(packages.crossings(rule), "\n"), "cut the chain of imports: %s", rule.why)
	}
}

// The module in testdata/imports crosses every boundary.
func TestEveryBoundaryFindsItsFixture(t *testing.T) {
	t.Parallel()
	expected := [][]string{
		{"codec -> github.com/aws/smithy-go", "codec -> internal/wrong"},
		{"taskhawk -> internal/hidden -> " + sqs, "taskhawk/taskhawktest -> lambdax"},
		{"sqsx -> lambdax", "sqsx -> sqsx/sqstest"},
		{"lambdax -> internal/hidden -> " + sqs},
		{"sqsx/sqstest -> codec"},
		{"lambdax/lambdatest -> github.com/aws/aws-lambda-go", "lambdax/lambdatest -> internal/jsontext"},
		{"internal/leaf -> codec"},
		{"internal/sqsqueue -> sqsx"},
		{"internal/awsbatch -> " + sqs},
		{"internal/leaf -> examples/tasks"},
		{"codec -> testing", "sqsx -> sqsx/sqstest -> codec -> testing"},
	}
	require.Len(t, boundaries(), len(expected))
	packages := listBuild(t, "testdata/imports")
	for i, rule := range boundaries() {
		require.ElementsMatch(t, expected[i], packages.crossings(rule), rule.packages)
	}
}
