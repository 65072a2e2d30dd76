package contract_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/contract"
)

// verdict is a testing.T that keeps what it is told.
type verdict struct{ logs, errors []string }

func (*verdict) Helper() {}

func (v *verdict) Logf(format string, args ...any) {
	v.logs = append(v.logs, fmt.Sprintf(format, args...))
}

func (v *verdict) Errorf(format string, args ...any) {
	v.errors = append(v.errors, fmt.Sprintf(format, args...))
}

func hubWith[Args any](t *testing.T) *taskhawk.Hub {
	t.Helper()
	return newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{taskhawk.New("t", nothing[Args])}})
}

func check(t *testing.T, mode, file string, hub *taskhawk.Hub) verdict {
	t.Helper()
	t.Setenv(contract.Variable, mode)
	var v verdict
	contract.Check(&v, file, hub)
	return v
}

//nolint:paralleltest // it sets the environment
func TestCheckKeepsTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "contract.json")
	contents := func() string {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		return string(text)
	}

	v := check(t, "", file, hubWith[ab](t))
	require.Equal(t, []string{"contract: no file " + file + ": write it by TASKHAWK_CONTRACT=update go test"}, v.errors)
	require.NoFileExists(t, file)
	require.Empty(t, check(t, "update", file, hubWith[ab](t)).errors)
	require.Empty(t, check(t, "", file, hubWith[ab](t)))
	first := contents()
	require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(first, "\n", "\r\n")), 0o600))
	require.Empty(t, check(t, "", file, hubWith[ab](t)), "as git writes it on Windows")

	for _, mode := range []string{"", "update"} {
		v = check(t, mode, file, hubWith[ba](t))
		require.Len(t, v.errors, 1)
		require.Contains(t, v.errors[0], "t, a: breaks: in old messages, args[0], a, is read as b")
		require.Contains(t, v.errors[0], "docs/contracts.md")
		require.Equal(t, first, strings.ReplaceAll(contents(), "\r\n", "\n"), "the file is as it was")
	}

	type abcO struct {
		A, B string
		C    int `taskhawk:",optional"`
	}
	v = check(t, "", file, hubWith[abcO](t))
	require.Len(t, v.errors, 1)
	require.Contains(t, v.errors[0], "is out of date:\n\tt, c: readers first: for old programs, keyword c is unknown")
	v = check(t, "update", file, hubWith[abcO](t))
	require.Empty(t, v.errors)
	require.Contains(t, strings.Join(v.logs, "\n"), "readers first")
	require.Contains(t, contents(), `"name": "c"`)

	v = check(t, "replace", file, hubWith[ba](t))
	require.Empty(t, v.errors)
	require.Contains(t, strings.Join(v.logs, "\n"), "breaks")
	require.Empty(t, check(t, "", file, hubWith[ba](t)))
}

//nolint:paralleltest // it sets the environment
func TestCheckReportsAFileThatIsDescribedDifferently(t *testing.T) {
	file := filepath.Join(t.TempDir(), "contract.json")
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(text(t, describe(t, taskhawk.New("t", nothing[ab]))), "\n", "", 1)), 0o600))
	v := check(t, "", file, hubWith[ab](t))
	require.Len(t, v.errors, 1)
	require.Contains(t, v.errors[0], "described differently but read alike")
	require.Empty(t, check(t, "update", file, hubWith[ab](t)).errors)
}

//nolint:paralleltest // it sets the environment
func TestCheckReportsWhatIsWrong(t *testing.T) {
	folder := t.TempDir()
	broken := filepath.Join(folder, "broken.json")
	require.NoError(t, os.WriteFile(broken, []byte("{\n<<<<<<< HEAD\n"), 0o600))
	for _, c := range []struct {
		mode, file, want string
		hub              *taskhawk.Hub
	}{
		{"", broken, "broken.json: broken contract, line 2", hubWith[ab](t)},
		{"update", broken, "broken.json: broken contract, line 2", hubWith[ab](t)},
		{"", folder, "is a directory", hubWith[ab](t)},
		{"update", filepath.Join(folder, "no", "file"), "no such file or directory", hubWith[ab](t)},
		{"on", broken, "TASKHAWK_CONTRACT=on: want update or replace", hubWith[ab](t)},
		{"", broken, "contract: nil hub", nil},
	} {
		v := check(t, c.mode, c.file, c.hub)
		require.Len(t, v.errors, 1, c.want)
		require.Contains(t, v.errors[0], c.want)
	}
	require.Empty(t, check(t, "replace", broken, hubWith[ab](t)).errors)
	require.Empty(t, check(t, "", broken, hubWith[ab](t)))
}
