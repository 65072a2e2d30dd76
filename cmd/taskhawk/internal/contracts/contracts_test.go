package contracts_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/cli"
	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/contracts"
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

type formatted struct {
	Email string `taskhawk:"email" validate:"omitempty,email"`
	URL   string `taskhawk:"url" validate:"omitempty,url"`
	IPv4  string `taskhawk:"ipv4" validate:"omitempty,ipv4"`
	IPv6  string `taskhawk:"ipv6" validate:"omitempty,ipv6"`
	UUID  string `taskhawk:"uuid" validate:"omitempty,uuid"`
	UUID4 string `taskhawk:"uuid4" validate:"omitempty,uuid4"`
	At    time.Time
	Int   int64
	Uint  uint64
	Host  host
}

// host is a type that declares a format which contracts do not write.
type host string

func (host) JSONSchemaBytes() ([]byte, error) {
	return []byte(`{"type":"string","format":"hostname"}`), nil
}

// TestFormatsAreThoseOfTheWorker compares the program with a worker: neither takes a message
// that the other refuses, but for the version of a UUID and what type and number allow.
func TestFormatsAreThoseOfTheWorker(t *testing.T) {
	t.Parallel()
	task := taskhawk.New("tasks.send", func(context.Context, formatted) error { return nil })
	hub, err := taskhawk.NewHub(taskhawk.Config{Tasks: []taskhawk.AnyTask{task}, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	c, err := contract.Of(hub)
	require.NoError(t, err)
	checker := contracts.NewChecker(c)
	const uuid4, looser = "6d1b0d3c-6d4e-4d43-8f1b-8dd5e1e4a1c9", true
	taken, refused := 0, 0
	for _, v := range []struct {
		name, value string
		looser      bool // the program may take what the worker refuses
	}{
		{"email", `"ann@example.com"`, false}, {"email", `"ann"`, false}, {"email", `"Ann <ann@example.com>"`, false},
		{"email", `"ann@localhost"`, false}, {"email", `"a..b@example.com"`, false}, {"email", `"ä@exämple.com"`, false},
		{"email", `""`, false}, {"email", `"\"a b\"@example.com"`, false}, {"email", `"ann@[192.0.2.1]"`, false},
		{"url", `"https://example.com/a b"`, false}, {"url", `"example.com"`, false}, {"url", `"mailto:a@b.c"`, false},
		{"url", `"http://"`, false}, {"url", `"file:///etc"`, false}, {"url", `"https://exämple.com/ü"`, false},
		{"url", `"http://[::1"`, false}, {"url", `"/path"`, false}, {"url", `"http://a/%zz"`, false},
		{"ipv4", `"192.0.2.1"`, false}, {"ipv4", `"192.0.2.01"`, false}, {"ipv4", `"::1"`, false}, {"ipv4", `"1.2.3"`, false},
		{"ipv6", `"::1"`, false}, {"ipv6", `"::ffff:192.0.2.1"`, false}, {"ipv6", `"fe80::1%eth0"`, false},
		{"ipv6", `"192.0.2.1"`, false},
		{"uuid", `"` + uuid4 + `"`, false}, {"uuid", `"` + strings.ToUpper(uuid4) + `"`, false}, {"uuid", `"urn:uuid:` + uuid4 + `"`, false},
		{"uuid", `"6d1b0d3c6d4e4d438f1b8dd5e1e4a1c9"`, false}, {"uuid4", `"` + uuid4 + `"`, false},
		{"uuid4", `"` + strings.Replace(uuid4, "-4", "-1", 1) + `"`, looser},
		{"at", `"2026-11-29T03:00:00Z"`, false}, {"at", `"2026-11-29T03:00:00.5+01:00"`, false}, {"at", `"2026-11-29"`, false},
		{"at", `"2026-11-29 03:00:00Z"`, false}, {"at", `"2026-11-29t03:00:00z"`, false}, {"at", `"2026-02-30T03:00:00Z"`, false},
		{"at", `"1998-12-31T23:59:60Z"`, false}, {"at", `"2026-11-29T03:00:00"`, false}, {"at", `"2026-11-29T03:00:00,5Z"`, false},
		{"int", "9223372036854775807", false}, {"int", "9223372036854775808", false}, {"int", "-9223372036854775809", false},
		{"int", "1.0", looser}, {"int", "1e2", looser},
		{"uint", "18446744073709551615", false}, {"uint", "18446744073709551616", false}, {"uint", "-1", false},
		{"host", `"not a host name"`, false},
	} {
		kwargs := map[string]string{
			"email": `""`, "url": `""`, "ipv4": `""`, "ipv6": `""`, "uuid": `""`, "uuid4": `""`,
			"at": `"2026-11-29T03:00:00Z"`, "int": "1", "uint": "1", "host": `""`,
		}
		kwargs[v.name] = v.value
		var members []string
		for name, value := range kwargs {
			members = append(members, `"`+name+`":`+value)
		}
		body := `{"id":"1","metadata":{"priority":"default","timestamp":1,"version":"1.0"},"headers":{},"task":"tasks.send","args":[],"kwargs":{` +
			strings.Join(members, ",") + `}}`
		worker := hub.Handle(t.Context(), &taskhawk.Delivery{Body: body})
		program := checker.Check(body)
		if program != nil {
			refused++
			require.Error(t, worker, "the worker takes %s %s, and the program says: %s", v.name, v.value, program)
			continue
		}
		taken++
		require.True(t, worker == nil || v.looser, "the program takes %s %s, and the worker says: %v", v.name, v.value, worker)
	}
	require.Greater(t, taken, 15)
	require.Greater(t, refused, 15)
}
