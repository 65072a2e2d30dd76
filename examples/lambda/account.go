package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// account is what the demo tells, line by line.
type account struct {
	mu  sync.Mutex
	out io.Writer
}

func (a *account) sayf(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	fmt.Fprintf(a.out, format+"\n", args...)
}

// from is the log of a function: its lines, which are JSON, become lines of the account.
func (a *account) from(function string) io.Writer { return &told{account: a, function: function} }

// told has the beginning of a line that is not complete yet.
type told struct {
	account  *account
	function string
	rest     []byte
}

// Write tells the lines that are complete. The runtime calls it from one goroutine.
func (t *told) Write(text []byte) (int, error) {
	t.rest = append(t.rest, text...)
	for {
		end := bytes.IndexByte(t.rest, '\n')
		if end < 0 {
			return len(text), nil
		}
		t.account.sayf("    [%s] %s", t.function, brief(t.rest[:end]))
		t.rest = t.rest[end+1:]
	}
}

// brief is a line of lambdacontext.NewLogHandler with what matters to a reader.
func brief(line []byte) string {
	var members map[string]any
	if json.Unmarshal(line, &members) != nil {
		return string(line)
	}
	words := []string{fmt.Sprint(members["message"])}
	for _, name := range []string{"task", "order", "cents", "attempt", "delay", "error", "reason"} {
		if value, ok := members[name]; ok {
			words = append(words, fmt.Sprintf("%s=%v", name, value))
		}
	}
	return strings.Join(slices.Compact(words), " ")
}
