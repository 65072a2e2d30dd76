package layout_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const repository = "../.."

// A boundary is a pattern of what packages may not link, directly or through others, and
// why. Packages of this module have no prefix. What they may not link includes what is
// below it.
type boundary struct{ pattern, why string }

func boundaries() []boundary {
	const (
		sdk     = "github.com/aws/aws-sdk-go-v2/service/"
		lambda  = "github.com/aws/aws-lambda-go"
		library = "(codec|taskhawk|sqsx|lambdax|internal)(/.*)?"
	)
	return []boundary{
		{"taskhawk(/.*)? links (github.com/aws|sqsx|lambdax|internal/awsbatch)", "the core knows no transport"},
		{
			"sqsx(/sqscheck|/schedule)? links (lambdax|sqsx/sqstest|" + sdk + "sns|" + lambda + ")",
			"a worker links neither Lambda, SNS nor a test server",
		},
		{"lambdax(/.*)? links (sqsx|" + sdk + "sqs)", "a function starts faster without the client of SQS"},
		{
			"internal/awsbatch links (sqsx|lambdax|" + sdk + "sqs|" + sdk + "sns)",
			"what both publishers share knows neither of their services",
		},
		{library + " links (examples|bench|internal/layout)", "programs, benchmarks and checks are no libraries"},
		{
			"(codec(/.*)?|taskhawk|taskhawk/contract|sqsx|sqsx/sqscheck|sqsx/schedule|lambdax(/.*)?) links " +
				"(testing|github.com/stretchr/testify|go.uber.org/goleak|pgregory.net/rapid)", "users link no test library",
		},
		{library + " links go.opentelemetry.io", "traces and metrics are in the module taskhawk/oteltaskhawk"},
	}
}

// crossings returns the lines of links that cross the boundary.
func (b boundary) crossings(links string) []string {
	return regexp.MustCompile(`(?m)^`+b.pattern+`(/.*)?$`).FindAllString(links, -1)
}

// links returns lines such as "sqsx links taskhawk" for what each package of the module
// in dir links, without its tests.
func links(t *testing.T, dir string) string {
	t.Helper()
	// -e: an import that does not resolve is the compiler's finding.
	list := exec.CommandContext(t.Context(), "go", "list", "-e",
		"-f", `{{range .Deps}}{{$.ImportPath}} links {{.}}{{"\n"}}{{end}}`, "./...")
	list.Dir = dir
	out, err := list.Output()
	require.NoError(t, err)
	return strings.ReplaceAll(string(out), "github.com/taskhawk/taskhawk-go/", "")
}

func TestImportsKeepTheirDirection(t *testing.T) {
	t.Parallel()
	all := links(t, repository) + links(t, filepath.Join(repository, "sqsx/schedule"))
	for _, b := range boundaries() {
		require.Empty(t, b.crossings(all), "cut the imports (go mod why finds them): %s", b.why)
	}
}

// The module in testdata/imports crosses every boundary.
func TestCrossedImportsAreFound(t *testing.T) {
	t.Parallel()
	const sdk, lambda = "github.com/aws/aws-sdk-go-v2/service/", "github.com/aws/aws-lambda-go"
	expected := [][]string{
		{
			"taskhawk links " + sdk + "sqs", "taskhawk/taskhawktest links lambdax", "taskhawk/taskhawktest links " + lambda,
			"taskhawk/taskhawktest links " + sdk + "sqs", "taskhawk/taskhawktest links " + sdk + "sns",
		},
		{"sqsx links lambdax", "sqsx links sqsx/sqstest", "sqsx links " + sdk + "sns", "sqsx links " + lambda},
		{"lambdax links " + sdk + "sqs"},
		{"internal/awsbatch links " + sdk + "sns"},
		{"internal/leaf links examples/tasks"},
		{"codec links testing", "sqsx links testing"},
		{"internal/awsbatch links go.opentelemetry.io/otel"},
	}
	require.Len(t, boundaries(), len(expected))
	all := links(t, "testdata/imports")
	for i, b := range boundaries() {
		require.ElementsMatch(t, expected[i], b.crossings(all), b.pattern)
	}
}
