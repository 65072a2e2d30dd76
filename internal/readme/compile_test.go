package readme_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	// A change of these has to run the tests again, also where go test has a result of
	// the same documents.
	_ "github.com/taskhawk/taskhawk-go/codec"
	_ "github.com/taskhawk/taskhawk-go/lambdax"
	_ "github.com/taskhawk/taskhawk-go/sqsx"
	_ "github.com/taskhawk/taskhawk-go/sqsx/sqscheck"
	_ "github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	_ "github.com/taskhawk/taskhawk-go/taskhawk"
	_ "github.com/taskhawk/taskhawk-go/taskhawk/contract"
	_ "github.com/taskhawk/taskhawk-go/taskhawk/taskhawktest"
)

// newModule makes the module of a reader: it requires the library, replaced by its
// folder, at the library's own versions of everything else, so that no network is needed.
func newModule(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	root, err := filepath.Abs(repository)
	require.NoError(t, err)
	const library = "github.com/taskhawk/taskhawk-go"
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	text := strings.Replace(string(mod), "module "+library, "module example.com/reader", 1) +
		fmt.Sprintf("\nrequire %s v0.0.0\n\nreplace %s => %s\n", library, library, root)
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	for _, nested := range nestedLibraries() {
		text += fmt.Sprintf("\nrequire %s/%s v0.0.0\n\nreplace %[1]s/%[2]s => %s\n", library, nested, filepath.Join(root, nested))
		more, err := os.ReadFile(filepath.Join(root, nested, "go.sum"))
		require.NoError(t, err)
		sum = append(sum, more...)
	}
	require.NoError(t, os.WriteFile(filepath.Join(folder, "go.mod"), []byte(text), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "go.sum"), sum, 0o600))
	return folder
}

// nestedLibraries are the folders of modules that documents show beside the library.
func nestedLibraries() []string { return []string{"sqsx/schedule", "taskhawk/oteltaskhawk"} }

// goCommand is the go command in a reader's module, without a network.
func goCommand(t *testing.T, module string, args ...string) *exec.Cmd {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", args...)
	command.Dir = module
	command.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off", "GOTOOLCHAIN=local")
	return command
}

// A finding is one place of a document that does not hold.
type finding struct {
	path string
	line int
	text string
}

func (f finding) String() string { return fmt.Sprintf("%s:%d: %s", f.path, f.line, f.text) }

// writePrograms puts the programs of the documents into a new module.
func writePrograms(t *testing.T, documents []document) (module string) {
	t.Helper()
	setting, err := os.ReadFile("testdata/setting.go")
	require.NoError(t, err)
	module = newModule(t)
	for _, d := range documents {
		for _, p := range programs(d) {
			p.write(t, module, string(setting))
		}
	}
	return module
}

// vet returns what the compiler and go vet say about lines of documents.
func vet(t *testing.T, module string) []finding {
	t.Helper()
	output, err := goCommand(t, module, "vet", "./...").CombinedOutput()
	found := findings(string(output))
	if err != nil && len(found) == 0 {
		require.NoError(t, err, "%s", output)
	}
	return found
}

// findings are the lines of a compiler's output that are about a document.
func findings(output string) []finding {
	place := regexp.MustCompile(`(?m)^(?:vet: )?/(\S+\.md):(\d+)(?::\d+)?:? (.*)$`)
	var found []finding
	for _, match := range place.FindAllStringSubmatch(output, -1) {
		f := finding{path: match[1], text: match[3]}
		_, _ = fmt.Sscan(match[2], &f.line)
		if !slices.Contains(found, f) {
			found = append(found, f)
		}
	}
	return found
}

func TestGoBlocksCompile(t *testing.T) {
	t.Parallel()
	module := writePrograms(t, readDocuments(t))
	require.Empty(t, vet(t, module), "what the documents show has to compile")

	output, err := goCommand(t, module, "test", "./...").CombinedOutput()
	require.NoError(t, err, "the tests that the documents show have to pass\n%s", output)
	require.Regexp(t, `(?m)^ok\s+example.com/reader/docs_guide`, string(output))
}

func TestGoBlocksThatDoNotCompileAreFound(t *testing.T) {
	t.Parallel()
	module := writePrograms(t, []document{readDocument(t, "testdata", "broken.md")})
	var found []string
	for _, f := range vet(t, module) {
		found = append(found, f.String())
	}
	require.ElementsMatch(t, []string{
		"broken.md:10: undefined: taskhawk.Send",
		"broken.md:20: not enough arguments in call to sqsx.NewWorker",
		"broken.md:30: expected declaration, found worker",
		`broken.md:40: fmt.Errorf format %d has arg "text" of wrong type string`,
	}, found)
}
