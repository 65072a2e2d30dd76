package contract_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A program that describes no tasks pays nothing for it: without the files that package
// contract needs of the core, the quickstart is as large as with them.
func TestProgramsThatDescribeNothingDoNotGrow(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	folder := t.TempDir()
	replace := map[string]string{}
	for _, file := range []string{"codec/shape.go", "taskhawk/declaration.go"} {
		name := strings.ReplaceAll(file, "/", "_")
		pkg := "package " + filepath.Base(filepath.Dir(file)) + "\n"
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(pkg), 0o600))
		replace[filepath.Join(root, file)] = filepath.Join(folder, name)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "overlay.json"), overlay, 0o600))
	size := func(flags ...string) int64 {
		program := filepath.Join(folder, "quickstart")
		command := exec.CommandContext(t.Context(), "go", append(append([]string{"build", "-o", program}, flags...), "./examples/quickstart")...)
		command.Dir = root
		out, err := command.CombinedOutput()
		require.NoError(t, err, "%s", out)
		info, err := os.Stat(program)
		require.NoError(t, err)
		return info.Size()
	}
	grown := size() - size("-overlay", filepath.Join(folder, "overlay.json"))
	t.Logf("grown by %d bytes", grown)
	require.LessOrEqual(t, grown, int64(4<<10))
}
