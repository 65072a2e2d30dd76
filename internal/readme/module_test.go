package readme_test

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"

	// A change of these has to run the tests again, although go test has a result for the
	// same documents.
	_ "github.com/taskhawk/taskhawk-go/codec"
	_ "github.com/taskhawk/taskhawk-go/lambdax"
	_ "github.com/taskhawk/taskhawk-go/sqsx/sqscheck"
	_ "github.com/taskhawk/taskhawk-go/taskhawk/contract"
	_ "github.com/taskhawk/taskhawk-go/taskhawk/taskhawktest"
)

// newModule makes a reader's module. A workspace gives it the library and the modules
// beside it from their folders, and everything else at their versions.
func newModule(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	work := []string{"work", "init", "."}
	for _, module := range []string{".", "sqsx/schedule", "taskhawk/oteltaskhawk"} {
		absolute, err := filepath.Abs(filepath.Join(repository, module))
		require.NoError(t, err)
		work = append(work, absolute)
	}
	for _, args := range [][]string{{"mod", "init", "example.com/reader"}, work} {
		output, err := goCommand(t, folder, args...).CombinedOutput()
		require.NoError(t, err, "%s", output)
	}
	return folder
}

// goCommand returns a go command for a reader's module, without a network.
func goCommand(t *testing.T, module string, args ...string) *exec.Cmd {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", args...)
	command.Dir = module
	command.Env = append(os.Environ(), "GOFLAGS=", "GOPROXY=off", "GOWORK=", "GOTOOLCHAIN=local")
	return command
}

// writePrograms puts the programs of documents into a new module.
func writePrograms(t *testing.T, documents []document) (module string) {
	t.Helper()
	setting := readText(t, "testdata/setting.go")
	module = newModule(t)
	for _, d := range documents {
		for _, p := range programs(d) {
			p.write(t, module, setting)
		}
	}
	return module
}

// vet returns what the compiler and go vet report about lines of documents.
func vet(t *testing.T, module string) []string {
	t.Helper()
	output, err := goCommand(t, module, "vet", "./...").CombinedOutput()
	place := regexp.MustCompile(`(?m)^(?:vet: )?/(\S+\.md):(\d+)(?::\d+)?:? (.*)$`)
	var found []string
	for _, match := range place.FindAllStringSubmatch(string(output), -1) {
		line, err := strconv.Atoi(match[2])
		require.NoError(t, err)
		found = append(found, finding{match[1], line, match[3]}.String())
	}
	if err != nil && len(found) == 0 {
		require.NoError(t, err, "%s", output)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func TestGoBlocksCompile(t *testing.T) {
	t.Parallel()
	module := writePrograms(t, readDocuments(t))
	require.Empty(t, vet(t, module))

	output, err := goCommand(t, module, "test", "./...").CombinedOutput()
	require.NoError(t, err, "tests that the documents show\n%s", output)
	require.Regexp(t, `(?m)^ok\s+example.com/reader/docs_guide`, string(output))
}

func TestGoBlocksThatDoNotCompileAreFound(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{
		"broken.md:17: undefined: taskhawk.Send",
		"broken.md:27: not enough arguments in call to sqsx.NewWorker",
		"broken.md:37: expected declaration, found worker",
		`broken.md:47: fmt.Errorf format %d has arg "text" of wrong type string`,
		"broken.md:7: undefined: taskhawk.Hidden",
	}, vet(t, writePrograms(t, []document{readDocument(t, "testdata", "broken.md")})))
}

// TestProgramOfREADMERuns builds the first program of README.md and runs it, with the SDK
// pointed at the embedded server by its environment, until its task has run.
func TestProgramOfREADMERuns(t *testing.T) {
	t.Parallel()
	module := newModule(t)
	first := programs(readDocument(t, repository, "README.md"))[0]
	first.blocks = first.blocks[:1]
	first.write(t, module, "")
	binary := filepath.Join(module, "program")
	output, err := goCommand(t, module, "build", "-o", binary, "./"+first.folder).CombinedOutput()
	require.NoError(t, err, "%s", output)

	server := sqstest.NewServer()
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, binary) // it runs until it is ended
	command.Env = []string{
		"AWS_ENDPOINT_URL_SQS=" + server.URL, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=id", "AWS_SECRET_ACCESS_KEY=secret",
		"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
	}
	stderr, err := command.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	defer func() { _, _ = command.Process.Kill(), command.Wait() }()

	require.Contains(t, lineWith(t, stderr, "Hello!"), "ann@example.com")
	queue := sqsx.QueueName("dev-myapp", taskhawk.Default)
	deleted := func() bool { return len(server.Queue(queue).Messages) == 0 }
	require.Eventually(t, deleted, time.Minute, time.Millisecond, "the message of the finished task is deleted")
}

// lineWith reads up to the first line that contains text.
func lineWith(t *testing.T, from io.Reader, text string) string {
	t.Helper()
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		if strings.Contains(lines.Text(), text) {
			return lines.Text()
		}
	}
	require.FailNow(t, "the program ended without the line", text)
	return ""
}
