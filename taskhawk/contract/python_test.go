package contract_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/codec"
	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/contract"
)

type node struct {
	Value int    `json:"value"`
	Next  *node  `json:"next"`
	Kind  string `json:"my-kind" validate:"oneof=a 'b c'"`
}

type pythonic struct {
	To     string
	Count  int                `taskhawk:",optional"`
	Orders []Order            `taskhawk:",optional"`
	Chain  *node              `taskhawk:",kw"`
	Flag   bool               `taskhawk:",kw,optional"`
	Choice string             `taskhawk:",kw,optional" validate:"omitempty,oneof=x y"`
	Rest   map[string]float64 `taskhawk:",rest"`
}

func python(t *testing.T, c *contract.Contract) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, contract.Python(&b, c))
	return b.String()
}

func TestPythonWritesAModule(t *testing.T) {
	t.Parallel()
	c := describe(t, taskhawk.New("tasks.sign-up", nothing[pythonic], taskhawk.WithPriority(taskhawk.High)), taskhawk.New("other.tasks.send", nothing[aOB]), taskhawk.New("tasks.send", nothing[ab], taskhawk.WithKeywordArgs()))
	golden, err := os.ReadFile("testdata/tasks.py")
	require.NoError(t, err)
	require.Equal(t, string(golden), python(t, c))
}

func TestPythonRefusesNamesThatPythonHasNot(t *testing.T) {
	t.Parallel()
	for _, task := range []taskhawk.AnyTask{
		taskhawk.New("t", nothing[struct{ From string }]),
		taskhawk.New("t", nothing[struct {
			A string `taskhawk:"a-b"`
		}]),
	} {
		err := contract.Python(&bytes.Buffer{}, describe(t, task))
		require.ErrorContains(t, err, "contract: task t: parameter")
		require.ErrorContains(t, err, "is no Python name")
	}
}

// driver imports the module beside a stand-in for the library, and binds calls to the
// functions as Python does.
const driver = `
import inspect, json, sys
import tasks, taskhawk
for line in sys.stdin:
    call = json.loads(line)
    function = taskhawk.TASKS[call["task"]]
    try:
        inspect.signature(function).bind(*call["args"], **call["kwargs"])
        print("accepted")
    except TypeError:
        print("refused")
    try:
        function(*call["args"], **call["kwargs"])
    except (NotImplementedError, TypeError):
        pass
`

const standIn = `
import enum
TASKS = {}
class Priority(enum.Enum):
    default, high, low, bulk = range(4)
def task(*, name, priority=Priority.default):
    def decorate(function):
        TASKS[name] = function
        return function
    return decorate
`

// runPython gives calls to the stubs, and returns whether each was accepted. Where there
// is no Python, it returns nothing.
func runPython(t *testing.T, module string, calls []string) []string {
	t.Helper()
	interpreter, err := exec.LookPath("python3")
	if errors.Is(err, exec.ErrNotFound) {
		t.Log("left out: no python3 here")
		return nil
	}
	require.NoError(t, err)
	folder := t.TempDir()
	for name, text := range map[string]string{"tasks.py": module, "taskhawk.py": standIn, "driver.py": driver} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	command := exec.CommandContext(t.Context(), interpreter, "driver.py")
	command.Dir = folder
	command.Stdin = strings.NewReader(strings.Join(calls, "\n"))
	out, err := command.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return strings.Fields(string(out))
}

// The stubs take what Go sends, and refuse what does not bind in Go.
func TestPythonStubsBindAsTheCodecDoes(t *testing.T) {
	t.Parallel()
	from := "b@example.com"
	for name, p := range map[string]program{
		"positional":     sends(ab{"1", "2"}),
		"keywords":       sendsKeywords(ab{"1", "2"}),
		"optional":       sends(abO{A: "1"}, abO{"1", "2"}),
		"in the middle":  sends(aOB{A: "1", B: "2"}, aOB{"1", "x", "2"}),
		"keyword-only":   sends(abK{"1", "2"}),
		"email":          sends(sendEmailArgs{To: "a@example.com"}, sendEmailArgs{To: "a@example.com", FromEmail: &from}),
		"everything":     sends(pythonic{To: "a"}, pythonic{"a", 1, []Order{{SKU: "s", Count: 1}}, &node{Kind: "a"}, true, "x", map[string]float64{"z": 1}}),
		"rest":           sends(aRest{A: "1"}, aRest{"1", map[string]string{"c": "2"}}),
		"no parameter":   sends(struct{}{}),
		"large messages": sends(one[[]string]{make([]string, 100)}),
	} {
		v := p(t)
		var calls, want []string
		for _, body := range append(v.repeated, v.messages...) {
			calls, want = append(calls, body), append(want, "accepted")
		}
		if name == "in the middle" { // what Go sends; Python has no way to say it by position
			calls, want = calls[:1], want[:1]
		}
		for _, body := range v.messages {
			for _, changed := range misbound(t, body) {
				var failure *codec.Error
				if _, err := v.bind(changed); errors.As(err, &failure) && !errors.Is(err, codec.ErrWrongType) {
					calls, want = append(calls, changed), append(want, "refused")
				}
			}
		}
		require.Contains(t, want, "refused", name)
		if got := runPython(t, python(t, v.contract), calls); got != nil {
			require.Equal(t, want, got, "%s: %s\n%s", name, python(t, v.contract), strings.Join(calls, "\n"))
		}
	}
}

// misbound gives a message too few and too many arguments, in every way.
func misbound(t *testing.T, body string) []string {
	t.Helper()
	var message struct {
		Args   []json.RawMessage
		Kwargs map[string]json.RawMessage
	}
	require.NoError(t, json.Unmarshal([]byte(body), &message))
	var bodies []string
	bodies = append(bodies, messageOf(t, append(message.Args, []byte("1"), []byte("1"), []byte("1")), message.Kwargs))
	if n := len(message.Args); n > 0 {
		bodies = append(bodies, messageOf(t, message.Args[:n-1], message.Kwargs))
	}
	for name, value := range message.Kwargs {
		delete(message.Kwargs, name)
		bodies = append(bodies, messageOf(t, message.Args, message.Kwargs))
		message.Kwargs["unknown"] = value
		bodies = append(bodies, messageOf(t, message.Args, message.Kwargs))
		delete(message.Kwargs, "unknown")
		message.Kwargs[name] = value
	}
	message.Kwargs["a"] = []byte("1")
	return append(bodies, messageOf(t, message.Args, message.Kwargs))
}
