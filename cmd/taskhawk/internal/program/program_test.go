package program_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLineKeepsTheTerminalSafe(t *testing.T) {
	t.Parallel()
	require.Equal(t, "é �[31m red� �", program.Line("é \x1b[31m red\n \u202e"))
	require.Equal(t, "éé…", program.Cut("ééééé", 3))
	require.Equal(t, "ééé", program.Cut("ééé", 3))
}

func TestShortDurations(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", 59 * time.Second: "59s", 90 * time.Minute: "1h", 47 * time.Hour: "47h", 49 * time.Hour: "2d", time.Minute: "1m",
	} {
		require.Equal(t, want, program.Short(d))
	}
	require.Empty(t, program.Ago(time.Time{}, time.Now()))
}

// buffer is a bytes.Buffer for concurrent use.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(text)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// Rows are written soon, and later pages keep the columns of earlier ones.
func TestTableWritesSoonAndKeepsItsColumns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out buffer
		table := (&program.Program{Streams: program.Streams{Out: &out}}).Table("A", "B")
		time.Sleep(time.Minute)
		require.Empty(t, out.String(), "the heading waits for the first row, to be aligned with it")
		table.Row("first and long", "1")
		require.Empty(t, out.String())
		time.Sleep(time.Second)
		require.Equal(t, "A               B\nfirst and long  1\n", out.String())
		table.Row("x", "2\n3")
		require.NoError(t, table.Close())
		require.Equal(t, "A               B\nfirst and long  1\nx               2�3\n", out.String())
		for range 250 {
			table.Row("x", "y")
		}
		require.Equal(t, 203, strings.Count(out.String(), "\n"), "full pages are written at once")
		require.NoError(t, table.Close())
		require.Equal(t, 253, strings.Count(out.String(), "\n"))
	})
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{"y\n": true, "YES\n": true, "yes": true, "\n": false, "": false, "yep\n": false} {
		var asked bytes.Buffer
		p := &program.Program{Streams: program.Streams{In: strings.NewReader(answer), Err: &asked, Interactive: true}}
		require.Equal(t, want, p.Confirm(t.Context(), false, "Go?") == nil, answer)
		require.Equal(t, "Go? [y/N] ", asked.String())
	}
	p := &program.Program{}
	require.NoError(t, p.Confirm(t.Context(), true, "Go?"))
	require.Equal(t, program.ExitUsage, program.Code(p.Confirm(t.Context(), false, "Go?")))
}

// A question ends with the program.
func TestAQuestionEndsWithItsContext(t *testing.T) {
	t.Parallel()
	in, write := io.Pipe()
	defer func() { require.NoError(t, write.Close()) }()
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	cancel(stopped)
	p := &program.Program{Streams: program.Streams{In: in, Err: io.Discard, Interactive: true}}
	require.ErrorIs(t, p.Confirm(ctx, false, "Go?"), stopped)
}

func TestProgressIsForTerminals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := &program.Program{Streams: program.Streams{Err: &out}}
		g := p.NewProgress()
		g.Setf("%d", 1)
		g.Close()
		require.Empty(t, out.String())
		p.ErrTerminal = true
		g = p.NewProgress()
		g.Setf("%s", "long text")
		g.Setf("%s", "too soon")
		time.Sleep(time.Second)
		g.Setf("%s", "x")
		g.Close()
		require.Equal(t, "\rlong text\rx        \r \r", out.String())
	})
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	denied := &smithy.GenericAPIError{Code: "AccessDenied"}
	for _, c := range []struct {
		err    error
		code   int
		advice string
	}{
		{nil, 0, ""},
		{errors.New("x"), 1, ""},
		{program.Exit(1), 1, ""},
		{program.Usagef("x"), 2, ""},
		{program.CannotSee(errors.New("x")), 2, ""},
		{fmt.Errorf("call: %w", denied), 2, "policy"},
		{&smithy.GenericAPIError{Code: "ExpiredToken"}, 2, "policy"},
		{&smithy.GenericAPIError{Code: "InternalError"}, 1, ""},
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, 2, "--endpoint-url"},
		{errors.New("failed to refresh cached credentials, get credentials: none"), 2, "--profile"},
		{errors.New("queue Q does not exist in this account and region: create it"), 1, "--app"},
		{context.Canceled, 1, ""},
	} {
		require.Equal(t, c.code, program.Code(c.err), "%v", c.err)
		if c.err == nil {
			continue
		}
		if c.advice == "" {
			require.Empty(t, (&program.Program{}).Advice(c.err), "%v", c.err)
			continue
		}
		require.Contains(t, (&program.Program{}).Advice(c.err), c.advice)
	}
	require.NoError(t, program.Exit(0))
}

func TestFiles(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "f")
	file, err := program.CreateNew(name)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	_, err = program.CreateNew(name)
	require.Equal(t, program.ExitUsage, program.Code(err))
	require.NoError(t, program.Replace(name, []byte("new")))
	content, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, "new", string(content))
	info, err := os.Stat(name)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.Error(t, program.Replace(filepath.Join(name, "x"), nil))
	_, err = (&program.Program{}).OpenInput(filepath.Join(name, "x"))
	require.Error(t, err)
}
