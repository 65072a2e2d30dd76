package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/contract"
)

type resizeArgs struct {
	Width int `validate:"max=99"`
}

func resizeContract(t *testing.T) string {
	t.Helper()
	hub, err := taskhawk.NewHub(taskhawk.Config{Tasks: []taskhawk.AnyTask{taskhawk.New[resizeArgs]("tasks.resize", nil)}})
	require.NoError(t, err)
	c, err := contract.Of(hub)
	require.NoError(t, err)
	var b strings.Builder
	_, err = c.WriteTo(&b)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "contract.json")
	require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o600))
	return file
}

func TestSendKeepsAContract(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	c.provision(sqsx.ProvisionConfig{})
	file := resizeContract(t)
	c.ok("send", "tasks.resize", "17", "--contract", file)
	for _, wrong := range [][]string{{"tasks.resize", "100"}, {"tasks.resize"}, {"tasks.resize", "width=x"}, {"tasks.other"}} {
		r := c.run(append(append([]string{"send"}, wrong...), "--contract", file)...)
		require.Equal(t, program.ExitUsage, r.code, "%v %s", wrong, r.err)
		require.Contains(t, r.err, "not sent: ")
	}
	require.Equal(t, program.ExitUsage, c.run("send", "tasks.resize", "17", "--contract", "no-such-file").code)
}

func TestDLQShowSaysWhetherALetterFits(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *console) {
		c.bury("a")
		require.NotContains(t, c.ok("dlq", "show", "run-a-0"), "contract")
		require.Contains(t, c.ok("dlq", "show", "run-a-0", "--contract", resizeContract(t)), `unknown task "a"`)
		require.Contains(t, c.ok("dlq", "show", "run-a-0", "--json", "--contract", resizeContract(t)), `"contract": "contract: unknown task`)
	})
}
