package moving_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	_ "github.com/hibiken/asynq" // a new version has to run the tests again
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// settings are the names that the blocks of a library assume. A block of it begins with
// "```go" and the name of the library.
func settings() map[string]string {
	return map[string]string{
		"asynq": `
import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hibiken/asynq"
)

type EmailPayload struct{ UserID int }

var (
	client *asynq.Client
	redis  asynq.RedisClientOpt
)

func deliver(context.Context, int) error { return nil }
`,
		// The module of that library is not to be had, so testdata has its signatures.
		"taskhawk-go": `
import (
	"context"

	"github.com/cloudchacho/taskhawk-go"
)

var (
	ctx     context.Context
	hub     *taskhawk.Hub
	backend taskhawk.ConsumerBackend
)
`,
	}
}

// A block is statements of a document that use another library.
type block struct {
	library, path string
	line          int // of its first line of code, from 1
	text          string
}

// blocks returns the blocks of a text whose fence names a library after the language.
func blocks(path, text string) []block {
	var found []block
	for _, at := range regexp.MustCompile("(?ms)^```go (\\S+)\n(.*?)^```$").FindAllStringSubmatchIndex(text, -1) {
		found = append(found, block{
			library: text[at[2]:at[3]], path: path, line: 1 + strings.Count(text[:at[4]], "\n"), text: text[at[4]:at[5]],
		})
	}
	return found
}

// documented returns the blocks of all documents.
func documented(t *testing.T) []block {
	t.Helper()
	const root = "../.."
	var found []block
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != root && (entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".")) {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		relative, err := filepath.Rel(root, path)
		require.NoError(t, err)
		found = append(found, blocks(filepath.ToSlash(relative), string(text))...)
		return nil
	}))
	return found
}

// vet returns what go vet reports about blocks, each in a package by itself: of a
// workspace with the modules that this one requires.
func vet(t *testing.T, found []block) string {
	t.Helper()
	folder := t.TempDir()
	for i, b := range found {
		setting, ok := settings()[b.library]
		require.True(t, ok, "%s:%d: unknown library %q", b.path, b.line, b.library)
		text := fmt.Sprintf("package block\n%s\nfunc _() error {\n//line /%s:%d\n%s}\n", setting, b.path, b.line, b.text)
		at := filepath.Join(folder, fmt.Sprintf("block%d", i))
		require.NoError(t, os.Mkdir(at, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(at, "block.go"), []byte(text), 0o600))
	}
	bench, err := filepath.Abs("..")
	require.NoError(t, err)
	run := func(args ...string) (string, error) {
		command := exec.CommandContext(t.Context(), "go", args...)
		command.Dir = folder
		command.Env = append(os.Environ(), "GOFLAGS=", "GOPROXY=off", "GOWORK=", "GOTOOLCHAIN=local")
		output, err := command.CombinedOutput()
		return string(output), err
	}
	for _, args := range [][]string{
		{"mod", "init", "example.com/reader"},
		{"work", "init", ".", bench, filepath.Join(bench, "moving", "testdata", "taskhawk-go")},
	} {
		output, err := run(args...)
		require.NoError(t, err, output)
	}
	output, err := run("vet", "./...")
	if err == nil {
		return ""
	}
	require.NotEmpty(t, output)
	return output
}

func TestBlocksOfOtherLibrariesCompile(t *testing.T) {
	t.Parallel()
	found := documented(t)
	libraries := map[string]int{}
	for _, b := range found {
		libraries[b.library]++
	}
	require.Equal(t, map[string]int{"asynq": 1, "taskhawk-go": 1}, libraries)
	require.Empty(t, vet(t, found))
}

func TestBlocksThatDoNotCompileAreFound(t *testing.T) {
	t.Parallel()
	text := "text\n```go asynq\nreturn client.Send(nil)\n```\n```go taskhawk-go\n\nreturn hub.ListenForMessages(ctx)\n```\n"
	output := vet(t, blocks("docs/broken.md", text))
	require.Contains(t, output, "docs/broken.md:3: client.Send undefined")
	require.Contains(t, output, "docs/broken.md:7: not enough arguments")
}
