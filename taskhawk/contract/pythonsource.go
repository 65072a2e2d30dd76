package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// FromPython reads the signatures of the tasks in a Python module. Tasks are the
// functions with a task decorator, or all functions if none has one. module is the
// module's name in Python, such as "tasks". A task without a name is called
// module.function.
//
// It knows the hints str, int, float, bool, bytes, list, dict, Any, Optional, Union with
// None and | None, with and without typing in front, defaults, / and *, and **kwargs. The
// error has a line for each hint or default that it cannot read; the contract then allows
// any value there. It leaves out functions that cannot be tasks.
func FromPython(module string, source []byte) (*Contract, error) {
	if !utf8.Valid(source) {
		return nil, errors.New("contract: Python source is not UTF-8")
	}
	p := &pythonReader{module: module}
	for _, line := range logicalLines(string(source)) {
		p.line(line)
	}
	if p.decorated {
		p.tasks = slices.DeleteFunc(p.tasks, func(t pythonTask) bool { return !t.decorated })
	}
	c := &Contract{Tasks: []Task{}}
	for _, t := range p.tasks {
		p.problems = append(p.problems, t.problems...)
		if t.task != nil {
			c.Tasks = append(c.Tasks, *t.task)
		}
	}
	slices.SortStableFunc(c.Tasks, func(a, b Task) int { return strings.Compare(a.Name, b.Name) })
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("contract: %w", errors.Join(append(p.problems, err)...))
	}
	if p.problems != nil {
		return c, fmt.Errorf("contract: %w", errors.Join(p.problems...))
	}
	return c, nil
}

// logicalLine is a statement at the first column with its brackets closed, without
// comments.
type logicalLine struct {
	number int // of its first line, from 1
	text   string
}

// logicalLines returns the statements at the first column. Python's strings are kept as
// they are.
func logicalLines(source string) []logicalLine {
	var lines []logicalLine
	var text strings.Builder
	start, number, depth, column := 1, 1, 0, 0
	flush := func() {
		statement := strings.TrimSpace(text.String())
		if statement != "" && strings.HasPrefix(text.String(), statement) {
			lines = append(lines, logicalLine{start, statement})
		}
		text.Reset()
		column = 0
	}
	for i := 0; i < len(source); i++ {
		c := source[i]
		if column == 0 {
			start, column = number, 1
		}
		switch {
		case c == '\'' || c == '"':
			end := endOfString(source, i)
			text.WriteString(source[i:end])
			number += strings.Count(source[i:end], "\n")
			i = end - 1
		case c == '#':
			for i+1 < len(source) && source[i+1] != '\n' {
				i++
			}
		case c == '\\' && i+1 < len(source) && source[i+1] == '\n':
			number++
			i++
		case c == '\n':
			number++
			if depth == 0 {
				flush()
			} else {
				text.WriteByte(' ')
			}
		case c == '\r':
		default:
			depth = depthAfter(depth, c)
			text.WriteByte(c)
		}
	}
	flush()
	return lines
}

// depthAfter returns how many brackets are open behind c.
func depthAfter(depth int, c byte) int {
	switch c {
	case '(', '[', '{':
		return depth + 1
	case ')', ']', '}':
		return max(0, depth-1)
	}
	return depth
}

// endOfString returns the index after the string that begins at source[i]. An unclosed
// string ends with its line, or with the source if it has three quotes.
func endOfString(source string, i int) int {
	quote := source[i : i+1]
	long := strings.HasPrefix(source[i:], strings.Repeat(quote, 3))
	if long {
		quote = strings.Repeat(quote, 3)
	}
	for i += len(quote); i < len(source); i++ {
		switch {
		case source[i] == '\\':
			i++
		case strings.HasPrefix(source[i:], quote):
			return i + len(quote)
		case source[i] == '\n' && !long:
			return i
		}
	}
	return len(source)
}

// pythonTask is a function that may be a task.
type pythonTask struct {
	decorated bool
	task      *Task // nil if it cannot be one
	problems  []error
}

type pythonReader struct {
	module     string
	decorators []string // of the next function
	decorated  bool     // a task decorator was seen
	tasks      []pythonTask
	problems   []error
}

// line reads one statement at the first column.
func (p *pythonReader) line(line logicalLine) {
	switch {
	case line.text[0] == '@':
		p.decorators = append(p.decorators, line.text[1:])
		return
	case strings.HasPrefix(line.text, "def "), strings.HasPrefix(line.text, "async def "):
		p.function(line)
	}
	p.decorators = nil
}

func (p *pythonReader) function(line logicalLine) {
	_, rest, _ := strings.Cut(line.text, "def ")
	name, rest, ok := strings.Cut(rest, "(")
	name = strings.TrimSpace(name)
	task := &Task{Name: p.module + "." + name, Priority: "default", Sends: Positional, Params: []Param{}}
	f := pythonTask{task: task}
	for _, d := range p.decorators {
		called, args, _ := strings.Cut(d, "(")
		called = strings.TrimSpace(called)
		if called[strings.LastIndexByte(called, '.')+1:] == "task" {
			f.decorated, p.decorated = true, true
			f.decorator(args)
		}
	}
	end := closing(rest)
	switch {
	case strings.HasPrefix(line.text, "async "):
		f.refuse("async function is no task")
	case !ok || end < 0 || !isPythonName(name):
		f.refuse("unreadable signature")
	case !f.decorated && strings.HasPrefix(name, "_"):
		return
	default:
		f.params(rest[:end])
	}
	for i, err := range f.problems {
		f.problems[i] = fmt.Errorf("line %d: %s: %w", line.number, name, err)
	}
	p.tasks = append(p.tasks, f)
}

func (f *pythonTask) refuse(reason string) {
	f.task = nil
	f.problems = append(f.problems, errors.New(reason))
}

func (f *pythonTask) problemf(format string, args ...any) {
	f.problems = append(f.problems, fmt.Errorf(format, args...))
}

// decorator reads the arguments of a task decorator: name and priority.
func (f *pythonTask) decorator(args string) {
	if end := closing(args); end >= 0 {
		args = args[:end]
	}
	for _, arg := range splitTop(args, ',') {
		key, value, _ := strings.Cut(arg, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch key {
		case "name":
			text, ok := pythonText(value)
			if !ok || text == "" {
				f.problemf("name %s is no string literal", value)
				continue
			}
			f.task.Name = text
		case "priority":
			f.task.Priority = value[strings.LastIndexByte(value, '.')+1:]
			if !slices.Contains([]string{"default", "high", "low", "bulk"}, f.task.Priority) {
				f.problemf("unknown priority %s", value)
				f.task.Priority = "default"
			}
		}
	}
}

// params reads the text between the parentheses.
func (f *pythonTask) params(list string) {
	keywordOnly := false
	for _, text := range splitTop(list, ',') {
		text = strings.TrimSpace(text)
		name, value, hasDefault := cutTop(text, '=')
		name, hint, _ := cutTop(name, ':')
		name, hint, value = strings.TrimSpace(name), strings.TrimSpace(hint), strings.TrimSpace(value)
		switch {
		case text == "" || text == "/":
			continue
		case text == "*":
			keywordOnly = true
			continue
		case strings.HasPrefix(name, "**") && isPythonName(name[2:]):
			f.task.Rest = &Rest{Name: name[2:], Schema: f.hint(name[2:], hint)}
			continue
		case name == "metadata" || name == "headers":
			continue // the library fills them, not the sender
		case strings.HasPrefix(name, "*"):
			f.refuse("task takes no " + name)
			return
		case !isPythonName(name):
			f.refuse(fmt.Sprintf("unreadable parameter %q", text))
			return
		}
		param := Param{Name: name, KeywordOnly: keywordOnly, Optional: hasDefault, Schema: f.hint(name, hint)}
		if hasDefault {
			f.defaults(&param, value)
		}
		f.task.Params = append(f.task.Params, param)
	}
}

// defaults records a default. A default other than zero makes the value nullable, so that
// Go can tell an absent value from zero.
func (f *pythonTask) defaults(param *Param, value string) {
	number, zero := parsePythonNumber(value)
	text, isText := pythonText(value)
	schema := *param.Schema
	switch {
	case value == "None":
		param.Schema = param.Schema.orNull()
		return
	case value == "False", isText && text == "", zero, value == "[]", value == "{}", value == "()":
		return
	case value == "True":
		schema.Default = true
	case isText:
		schema.Default = text
	case number != "":
		schema.Default = number
	default:
		f.problemf("unreadable default of %s: %s", param.Name, value)
	}
	param.Schema = schema.orNull()
}

// parsePythonNumber reads a literal that JSON has too, and reports whether it is zero.
func parsePythonNumber(text string) (n json.Number, zero bool) {
	if f, err := strconv.ParseFloat(text, 64); err == nil && json.Valid([]byte(text)) {
		return json.Number(text), f == 0
	}
	return "", false
}

// hint returns the schema of a type hint. If it cannot read the hint, it adds a problem
// and returns the schema of any value.
func (f *pythonTask) hint(param, hint string) *Schema {
	s, ok := schemaOfHint(hint, 0)
	if !ok {
		f.problemf("unreadable hint of %s: %s", param, hint)
		return &Schema{}
	}
	return s
}

const maxHintDepth = 50

func schemaOfHint(hint string, depth int) (s *Schema, ok bool) {
	if text, quoted := pythonText(hint); quoted {
		hint = text
	}
	hint = strings.TrimSpace(hint)
	if parts := splitTop(hint, '|'); len(parts) > 1 {
		return unionOfHints(parts, depth)
	}
	name, inner, generic := strings.Cut(hint, "[")
	name = strings.TrimSpace(name)
	name = name[strings.LastIndexByte(name, '.')+1:]
	if depth > maxHintDepth || generic && !strings.HasSuffix(inner, "]") {
		return nil, false
	}
	parts := splitTop(strings.TrimSuffix(inner, "]"), ',')
	switch name {
	case "", "Any", "object":
		return &Schema{}, !generic
	case "str":
		return &Schema{Type: Types{"string"}}, !generic
	case "int":
		return &Schema{Type: Types{"integer"}, Format: "int64"}, !generic
	case "float":
		return &Schema{Type: Types{"number"}, Format: "double"}, !generic
	case "bool":
		return &Schema{Type: Types{"boolean"}}, !generic
	case "None":
		return &Schema{Type: Types{"null"}}, !generic
	case "Optional":
		return unionOfHints(append(parts, "None"), depth)
	case "Union":
		return unionOfHints(parts, depth)
	case "list", "List", "Sequence":
		return elementHint(&Schema{Type: Types{"array"}}, parts, generic, 1, depth)
	case "dict", "Dict", "Mapping":
		return elementHint(&Schema{Type: Types{"object"}}, parts, generic, 2, depth)
	}
	return nil, false
}

// unionOfHints reads a type or None. It refuses two other types, which in Go would be any
// value and must be declared by hand.
func unionOfHints(parts []string, depth int) (*Schema, bool) {
	var found *Schema
	null := false
	for _, part := range parts {
		s, ok := schemaOfHint(part, depth+1)
		switch {
		case !ok || found != nil && !slices.Equal(s.Type, Types{"null"}):
			return nil, false
		case slices.Equal(s.Type, Types{"null"}):
			null = true
		default:
			found = s
		}
	}
	if found == nil || !null {
		return found, found != nil
	}
	return found.orNull(), true
}

// elementHint sets the schema of the elements of a list or dict, any value without a
// hint.
func elementHint(s *Schema, parts []string, generic bool, want, depth int) (*Schema, bool) {
	elem, ok := &Schema{}, true
	if generic {
		if len(parts) != want {
			return nil, false
		}
		if want == 2 && strings.TrimSpace(parts[0]) != "str" {
			return nil, false // JSON has no other keys
		}
		elem, ok = schemaOfHint(parts[want-1], depth+1)
	}
	if want == 2 {
		s.AdditionalProperties = elem
	} else {
		s.Items = elem
	}
	return s, ok
}

// pythonText returns the value of a plain string literal of one line.
func pythonText(literal string) (text string, ok bool) {
	if len(literal) < 2 || literal[0] != '\'' && literal[0] != '"' || endOfString(literal, 0) != len(literal) ||
		literal[len(literal)-1] != literal[0] || strings.ContainsAny(literal[1:len(literal)-1], "\\\n"+literal[:1]) {
		return "", false
	}
	return literal[1 : len(literal)-1], true
}

// closing returns the index of the bracket that closes a list, -1 if there is none.
func closing(text string) int {
	end := -1
	scanTop(text, func(i, depth int) bool {
		if depth < 0 {
			end = i
		}
		return depth < 0
	})
	return end
}

// splitTop splits text at a separator outside brackets and strings. An empty text has no
// parts.
func splitTop(text string, separator byte) []string {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	var parts []string
	start := 0
	scanTop(text, func(i, depth int) bool {
		if depth == 0 && text[i] == separator {
			parts = append(parts, text[start:i])
			start = i + 1
		}
		return false
	})
	return append(parts, text[start:])
}

// cutTop cuts text at the first separator outside brackets and strings.
func cutTop(text string, separator byte) (before, after string, found bool) {
	at := -1
	scanTop(text, func(i, depth int) bool {
		if depth == 0 && text[i] == separator {
			at = i
		}
		return at >= 0
	})
	if at < 0 {
		return text, "", false
	}
	return text[:at], text[at+1:], true
}

// scanTop calls visit for each byte outside strings, with the bracket depth after it,
// until visit returns true.
func scanTop(text string, visit func(i, depth int) bool) {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\'', '"':
			i = endOfString(text, i) - 1
			continue
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		}
		if visit(i, depth) {
			return
		}
	}
}
