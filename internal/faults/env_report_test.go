package faults_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// reportVariable names the environment variable that names the folder for the figures of
// each check.
const reportVariable = "FAULTS_REPORT"

// figures are what a check found. A test that checks more than once leaves more than one.
type figures struct {
	Number      string `json:"number"` // of the fault: T01
	Test        string `json:"test"`   // the test's name, that of its subtest included
	What        string `json:"what"`   // the fault in a few words
	Tasks       int    `json:"tasks"`
	Runs        int    `json:"runs"` // of handlers
	Lost        int    `json:"lost"`
	Explained   int    `json:"explained"` // duplicates
	Unexplained int    `json:"unexplained"`
	// Notes are what was measured beside: a line each.
	Notes []string `json:"notes,omitempty"`
}

// notef adds a line to the report that comes next, and to the log of the test.
func (r *env) notef(format string, args ...any) {
	r.Helper()
	line := fmt.Sprintf(format, args...)
	r.Logf("%s", line)
	r.notes = append(r.notes, line)
}

// report writes the figures to their own file, if one is named.
func (r *env) report(found figures) {
	r.Helper()
	found.Number, found.Test, found.What = faultNumber(r.Name()), r.Name(), r.what
	found.Notes, r.notes = r.notes, nil
	folder := os.Getenv(reportVariable)
	if folder == "" {
		return
	}
	text, err := json.Marshal(found)
	require.NoError(r, err)
	file, err := os.CreateTemp(folder, found.Number+"-*.json")
	require.NoError(r, err)
	_, err = file.Write(text)
	require.NoError(r, err)
	require.NoError(r, file.Close())
}

// faultNumber is the number in the name of a test: T05 of TestT05OutageOfAnHour.
func faultNumber(test string) string {
	return regexp.MustCompile(`T\d\d`).FindString(test)
}

// The secrets that must be found in no log line and in no error. They are in every
// message, and sign every request.
const (
	canaryArgument = "s3cr3t-argument"
	canaryHeader   = "s3cr3t-header"
	canaryKeyID    = "AKIDS3CR3T"
	canaryKey      = "s3cr3t-key"
	canaryToken    = "s3cr3t-token"
)

// line is one log line.
type line struct {
	Time  time.Time
	Level slog.Level
	Text  string
	Attrs map[string]string // those in groups as group.name
}

// sink takes all log lines, of every level, and the texts of all errors, and knows what
// must not be in them.
type sink struct {
	mu      sync.Mutex
	logged  []line
	errors  []string
	secrets map[int]map[string]bool // by their length, since a run has thousands of receipts
}

func newSink() *sink {
	s := &sink{secrets: map[int]map[string]bool{}}
	for _, canary := range []string{canaryArgument, canaryHeader, canaryKeyID, canaryKey, canaryToken} {
		s.secret(canary)
	}
	return s
}

// secret adds a text that must not show, such as a receipt handle.
func (s *sink) secret(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if text == "" {
		return
	}
	if s.secrets[len(text)] == nil {
		s.secrets[len(text)] = map[string]bool{}
	}
	s.secrets[len(text)][text] = true
}

// failure takes an error that a caller of the library got; nil is none.
func (s *sink) failure(err error) {
	if err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errors = append(s.errors, err.Error())
}

// lastFailure is the text of the latest error.
func (s *sink) lastFailure() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.errors) == 0 {
		return "none"
	}
	return s.errors[len(s.errors)-1]
}

// lines are the log lines that have text as their message, or all for "".
func (s *sink) lines(text string) []line {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.logged), func(l line) bool { return text != "" && l.Text != text })
}

// maxText is how long a text of a log line or of an error may be, in bytes: names from
// outside cannot flood a log.
const maxText = 4096

// leaks are the texts that show a secret, have a raw line break or are too long, the
// stacks of panics apart.
func (s *sink) leaks() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	texts := slices.Clone(s.errors)
	for _, l := range s.logged {
		texts = append(texts, l.Text)
		for name, value := range l.Attrs {
			if name == "stack" {
				value = strings.ReplaceAll(value, "\n", " ")
				value = value[:min(len(value), maxText)]
			}
			texts = append(texts, value)
		}
	}
	return slices.DeleteFunc(texts, func(text string) bool { return !s.shows(text) })
}

// shows looks for secrets; a text with more than one thing in it is looked at whole, so
// that each receipt counts.
func (s *sink) shows(text string) bool {
	if len(text) > maxText || strings.ContainsAny(text, "\r\n") {
		return true
	}
	for length, secrets := range s.secrets {
		for at := 0; at+length <= len(text); at++ {
			if secrets[text[at:at+length]] {
				return true
			}
		}
	}
	return false
}

// Enabled takes every level.
func (s *sink) Enabled(context.Context, slog.Level) bool { return true }

// Handle keeps the line.
func (s *sink) Handle(_ context.Context, record slog.Record) error {
	l := line{Time: record.Time, Level: record.Level, Text: record.Message, Attrs: map[string]string{}}
	record.Attrs(func(a slog.Attr) bool {
		l.add("", a)
		return true
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logged = append(s.logged, l)
	return nil
}

func (l *line) add(prefix string, a slog.Attr) {
	value := a.Value.Resolve()
	if value.Kind() != slog.KindGroup {
		l.Attrs[prefix+a.Key] = fmt.Sprint(value.Any())
		return
	}
	if a.Key != "" {
		prefix += a.Key + "." // the members of a group without a name stand in the line itself
	}
	for _, member := range value.Group() {
		l.add(prefix, member)
	}
}

// WithAttrs and WithGroup are not used by the library.
func (s *sink) WithAttrs([]slog.Attr) slog.Handler { return s }

// WithGroup returns the sink itself.
func (s *sink) WithGroup(string) slog.Handler { return s }

// A run without any fault: every task runs once, and nothing is left.
func TestT00NoFault(t *testing.T) {
	t.Parallel()
	handle := func(context.Context, int) error {
		time.Sleep(50 * time.Millisecond)
		return nil
	}
	inBubble(t, setup{What: "no fault", Handle: handle}, func(r *env) {
		r.fillAll(100)
		w := r.start(sqsx.WorkerConfig{})
		require.LessOrEqual(r, r.drain(time.Minute), 5*time.Second)
		require.LessOrEqual(r, w.stop(), 21*time.Second)
		require.Equal(r, 400, r.record.total())
		r.Check(want{})
	})
}

// The same over TCP.
func TestT00NoFaultOverLoopback(t *testing.T) {
	t.Parallel()
	r := newEnv(t, setup{What: "no fault, over TCP", Loopback: true})
	r.fillAll(25)
	w := r.start(sqsx.WorkerConfig{WaitTime: time.Second})
	r.drain(time.Minute)
	require.LessOrEqual(r, w.stop(), taskhawk.DefaultGracePeriod+time.Second)
	require.Equal(r, 100, r.record.total())
	r.Check(want{})
}
