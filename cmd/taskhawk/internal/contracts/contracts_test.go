package contracts_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/cli"
	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/contract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type email struct {
	To      string `validate:"required,max=9"`
	Subject string
	From    *string `taskhawk:"sender,kw,optional"`
}

type reordered struct {
	Subject string
	To      string  `validate:"required,max=9"`
	From    *string `taskhawk:"sender,kw,optional"`
}

func write[Args any](t *testing.T) string {
	t.Helper()
	hub, err := taskhawk.NewHub(taskhawk.Config{Tasks: []taskhawk.AnyTask{taskhawk.New[Args]("tasks.send", nil)}})
	require.NoError(t, err)
	c, err := contract.Of(hub)
	require.NoError(t, err)
	var b strings.Builder
	_, err = c.WriteTo(&b)
	require.NoError(t, err)
	return save(t, "contract.json", b.String())
}

func save(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

func run(t *testing.T, args ...string) (code int, out, problems string) {
	t.Helper()
	var o, e strings.Builder
	code = cli.Run(context.Background(), append([]string{"contract"}, args...), program.Streams{In: strings.NewReader(""), Out: &o, Err: &e})
	return code, o.String(), e.String()
}

func TestShow(t *testing.T) {
	t.Parallel()
	code, out, _ := run(t, "show", write[email](t))
	require.Equal(t, program.ExitOK, code)
	require.Contains(t, out, "to, subject, *, sender=")
	code, _, problems := run(t, "show", save(t, "x.json", "{}"))
	require.Equal(t, program.ExitUsage, code)
	require.Contains(t, problems, `"taskhawk_contract" is missing`)
	code, _, _ = run(t, "show", "no-such-file")
	require.Equal(t, program.ExitUsage, code)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	code, out, _ := run(t, "check", write[email](t), write[reordered](t))
	require.Equal(t, program.ExitFailed, code)
	require.Contains(t, out, "tasks.send, to: breaks: in old messages, args[0], to, is read as subject")
	code, out, _ = run(t, "check", write[email](t), write[email](t))
	require.Equal(t, program.ExitOK, code)
	require.Empty(t, out)
	code, out, _ = run(t, "check", "--json", write[email](t), write[reordered](t))
	require.Equal(t, program.ExitFailed, code)
	require.Contains(t, out, `"verdict":"breaks"`)
}

func TestStubsAndStructs(t *testing.T) {
	t.Parallel()
	file := write[email](t)
	_, out, _ := run(t, "python", file)
	require.Contains(t, out, "def send(to: str, subject: str, *, sender: typing.Optional[str] = None) -> None:")
	_, out, _ = run(t, "go", file, "--package", "mail")
	require.Contains(t, out, "package mail")
	require.Contains(t, out, "`taskhawk:\"sender,kw,optional\"`")
	code, out, _ := run(t, "from-python", save(t, "jobs.py", "def clean(days: int): ...\n"))
	require.Equal(t, program.ExitOK, code)
	require.Contains(t, out, `taskhawk.New[CleanArgs]("jobs.clean", nil)`)
	_, _, several := run(t, "from-python", save(t, "jobs.py", "def clean(days: Days): ...\ndef wipe(on: On): ...\n"))
	require.Contains(t, several, "hint of days: Days; line 2: wipe", "the problems stand on one line")
	code, out, problems := run(t, "from-python", save(t, "jobs.py", "def clean(days: Days): ...\n"))
	require.Equal(t, program.ExitFailed, code)
	require.Contains(t, out, "Days any")
	require.Contains(t, problems, "line 1: clean: unreadable hint of days: Days")
}

func TestValidate(t *testing.T) {
	t.Parallel()
	const head = `{"id":"1","metadata":{"priority":"default","timestamp":1,"version":"1.0"},"headers":{},"task":"tasks.send",`
	messages := save(t, "messages.jsonl", strings.Join([]string{
		head + `"args":["a","b"],"kwargs":{}}`,
		`{"body":` + quote(head+`"args":["secret value","b"],"kwargs":{}}`) + `}`,
		head + `"args":["a"],"kwargs":{}}`,
		strings.Replace(head, "tasks.send", "tasks.other", 1) + `"args":[],"kwargs":{}}`,
		"", "[]", "{",
	}, "\n"))
	code, out, _ := run(t, "validate", messages, "--contract", write[email](t))
	require.Equal(t, program.ExitFailed, code)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 5, out)
	require.Contains(t, lines[0], ":2: tasks.send does not fit: args.0 breaks maxLength")
	require.NotContains(t, out, "secret")
	require.Contains(t, lines[1], ":3: tasks.send does not fit")
	require.Contains(t, lines[2], `:4: contract: unknown task "tasks.other"`)
	require.Contains(t, lines[3], ":6: no task message")
	require.Contains(t, lines[4], ":7: not JSON")
	code, out, _ = run(t, "validate", save(t, "good.jsonl", head+`"args":["a","b"],"kwargs":{}}`), "--contract", write[email](t))
	require.Equal(t, program.ExitOK, code)
	require.Empty(t, out)
}

func quote(text string) string { return `"` + strings.ReplaceAll(text, `"`, `\"`) + `"` }
