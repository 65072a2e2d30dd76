package readme_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// TestProgramOfREADMERuns builds the first program of README.md and runs it as it stands,
// with the settings of the SDK's environment that point it at the embedded server, until
// it says that its task has run.
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
	command := exec.CommandContext(t.Context(), binary)
	command.Env = append(os.Environ(), "AWS_ENDPOINT_URL_SQS="+server.URL, "AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=id", "AWS_SECRET_ACCESS_KEY=secret")
	stderr, err := command.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	defer func() { _, _ = command.Process.Kill(), command.Wait() }()

	require.Contains(t, lineWith(t, stderr, "Hello!"), "ann@example.com")
	queue := sqsx.QueueName("dev-myapp", taskhawk.Default)
	deleted := func() bool { return len(server.Queue(queue).Messages) == 0 }
	require.Eventually(t, deleted, 5*time.Second, time.Millisecond, "what is done is deleted")
}

// lineWith reads up to the first line with text in it.
func lineWith(t *testing.T, from io.Reader, text string) string {
	t.Helper()
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		if strings.Contains(lines.Text(), text) {
			return lines.Text()
		}
	}
	require.FailNow(t, "the program ended without it", text)
	return ""
}
