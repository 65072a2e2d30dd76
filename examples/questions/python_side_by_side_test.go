package questions_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/codec"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// pythonEmail is send_email(to, subject, *, from_email=None) of python/tasks.py.
type pythonEmail struct {
	To        string
	Subject   string
	FromEmail *string `taskhawk:"from_email,kw,optional"`
}

// How do Python and Go programs share a task? The name of the task is module.function, the
// struct is the signature, and both use the same queues. Either side may send.
func Example_pythonAndGoSideBySide() {
	email := taskhawk.New("tasks.send_email", func(_ context.Context, args pythonEmail) error {
		fmt.Println("to", args.To, "from", *args.FromEmail)
		return nil
	})
	hub, err := taskhawk.NewHub(taskhawk.Config{Tasks: []taskhawk.AnyTask{email}})
	if err != nil {
		fmt.Println(err)
	}
	ctx := taskhawk.ContextWithHub(context.Background(), hub)

	// What python/tasks.py puts on the queue.
	const fromPython = `{"id": "b1328174-a21c-43d3-b303-964dfcc76efc", "metadata": {"timestamp": 1460868253255, ` +
		`"priority": "default", "version": "1.0"}, "headers": {}, "task": "tasks.send_email", ` +
		`"args": ["ann@example.com", "Hello!"], "kwargs": {"from_email": "news@example.com"}}`
	fmt.Println(hub.Handle(ctx, &taskhawk.Delivery{Body: fromPython}))

	// What Go puts there for the same call.
	from := "news@example.com"
	out, err := email.Seal(ctx, pythonEmail{To: "ann@example.com", Subject: "Hello!", FromEmail: &from})
	if err != nil {
		fmt.Println(err)
	}
	_, call, _ := strings.Cut(out.Body, `,"task":`)
	fmt.Println(call)
	// Output:
	// to ann@example.com from news@example.com
	// <nil>
	// "tasks.send_email","args":["ann@example.com","Hello!"],"kwargs":{"from_email":"news@example.com"}}
}

// The Python file and the Go struct have one signature.
func TestThePythonHalfHasTheSameSignature(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("python/tasks.py")
	require.NoError(t, err)
	def := regexp.MustCompile(`def (\w+)\((.*)\) ->`).FindSubmatch(text)
	require.NotNil(t, def)
	task := taskhawk.New[pythonEmail]("tasks."+string(def[1]), nil)
	require.Equal(t, "tasks.send_email", task.Name())
	var python, ours []string
	keyword := false
	for param := range strings.SplitSeq(string(def[2]), ", ") {
		if keyword = keyword || param == "*"; param == "*" {
			continue
		}
		name, _, _ := strings.Cut(param, ":")
		python = append(python, fmt.Sprintf("%s keyword=%t optional=%t", name, keyword, strings.Contains(param, "=")))
	}
	for _, param := range task.Signature() {
		ours = append(ours, fmt.Sprintf("%s keyword=%t optional=%t", param.Name, param.Kind == codec.KeywordOnly, param.Optional))
	}
	require.Equal(t, python, ours)
}
