package contract_test

import (
	"bytes"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/contract"
)

const pythonSource = `# coding: utf-8
"""Tasks.

def not_a_task(a: str): in a text
"""
import typing
from taskhawk import task, Priority

def helper(a): ...

@task
def plain(a, b: str, c: int = 0, *, d: typing.Optional[float] = None):  # def no(x)
    def inner(z: str): ...

@taskhawk.task(priority=Priority.high, name='mail.send')
def send(
    to: "str",  # who: gets it, = yes
    subject: str = 'a, b = (c',
    tags: typing.List[str] = [],
    count: int | None = 3,
    flags: dict[str, list[bool]] = {},
    metadata: dict = None,
    dry_run: bool = True,
    **extra: float,
) -> typing.Dict[str, int]:
    pass
`

func TestFromPythonReadsSignatures(t *testing.T) {
	t.Parallel()
	c, err := contract.FromPython("tasks", []byte(pythonSource))
	require.NoError(t, err)
	golden, err := os.ReadFile("testdata/python.json")
	require.NoError(t, err)
	require.Equal(t, string(golden), text(t, c))
}

func TestGoWritesPythonTasks(t *testing.T) {
	t.Parallel()
	c, err := contract.FromPython("tasks", []byte(pythonSource))
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, contract.Go(&b, c, "tasks"))
	golden, err := os.ReadFile("testdata/python.go.txt")
	require.NoError(t, err)
	require.Equal(t, string(golden), b.String())
}

func TestFromPythonNamesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"def f(a: datetime.date): ...":         "line 1: f: unreadable hint of a: datetime.date",
		"\n\ndef f(a: dict[int, str]): ...":    "line 3: f: unreadable hint of a: dict[int, str]",
		"def f(a: int | str): ...":             "line 1: f: unreadable hint of a: int | str",
		"def f(a: list[int, int]): ...":        "unreadable hint of a: list[int, int]",
		"def f(a: str[int]): ...":              "unreadable hint of a: str[int]",
		"def f(a: list[int): ...":              "line 1: f: unreadable signature",
		"def f(a=NOW): ...":                    "line 1: f: unreadable default of a: NOW",
		"def f(*args): ...":                    "line 1: f: task takes no *args",
		"def f(a b): ...":                      `line 1: f: unreadable parameter "a b"`,
		"async def f(a): ...":                  "line 1: f: async function is no task",
		"@task(name=NAME)\ndef f(): ...":       "line 2: f: name NAME is no string literal",
		"@task(priority=urgent)\ndef f(): ...": "line 2: f: unknown priority urgent",
		"def f(a): ...\ndef f(b): ...":         "task tasks.f given twice",
		"def f(a, a): ...":                     `parameter name "a" missing or given twice`,
		"def f(a: " + strings.Repeat("list[", 60) + "int" + strings.Repeat("]", 60) + "): ...": "unreadable hint",
	} {
		_, err := contract.FromPython("tasks", []byte(source))
		require.ErrorContains(t, err, want, source)
	}
}

// What Go describes, Python writes, and FromPython reads again: names, order and kinds of
// parameters stay.
func TestStubsAreReadBack(t *testing.T) {
	t.Parallel()
	c := describe(t, taskhawk.New("tasks.a", nothing[pythonic]), taskhawk.New("tasks.b", nothing[sendEmailArgs], taskhawk.WithPriority(taskhawk.Low)))
	read, _ := contract.FromPython("other", []byte(python(t, c))) // it names the TypedDicts, which it cannot read
	require.Len(t, read.Tasks, 2)
	for i, task := range c.Tasks {
		require.Equal(t, task.Name, read.Tasks[i].Name)
		require.Equal(t, task.Priority, read.Tasks[i].Priority)
		require.Len(t, read.Tasks[i].Params, len(task.Params))
		for n, p := range task.Params {
			got := read.Tasks[i].Params[n]
			require.Equal(t, []any{p.Name, p.KeywordOnly, p.Optional}, []any{got.Name, got.KeywordOnly, got.Optional})
		}
	}
}

func TestGoWritesEveryKindOfArgument(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	require.NoError(t, contract.Go(&b, describe(t, taskhawk.New("tasks.every-thing", nothing[everything], taskhawk.WithKeywordArgs())), "tasks"))
	golden, err := os.ReadFile("testdata/everything.go.txt")
	require.NoError(t, err)
	require.Equal(t, string(golden), b.String())
	require.ErrorContains(t, contract.Go(&b, describe(t), "no-name"), `package name "no-name" is invalid`)
}

func FuzzFromPython(f *testing.F) {
	f.Add(pythonSource)
	f.Add("def f(a: list[int] = [], *, b='''x\n''', **c: \"str\") -> None: ...\n@task(")
	f.Add("@\ndef (")
	f.Fuzz(func(t *testing.T, source string) {
		c, _ := contract.FromPython("tasks", []byte(source))
		if c == nil {
			return
		}
		read, err := contract.Read(strings.NewReader(text(t, c)))
		require.NoError(t, err)
		require.Equal(t, text(t, c), text(t, read))
		var b bytes.Buffer
		if contract.Go(&b, c, "tasks") == nil {
			_, err := parser.ParseFile(token.NewFileSet(), "tasks.go", b.Bytes(), parser.SkipObjectResolution)
			require.NoError(t, err)
		}
	})
}
