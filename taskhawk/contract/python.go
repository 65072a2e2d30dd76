package contract

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Python writes a module that dispatches the tasks of a contract from Python. Each task
// is a function with type hints and defaults, decorated for taskhawk-python. A direct
// call raises NotImplementedError. The module needs Python 3.8.
//
// Python then requires some parameters by keyword that Go also accepts by position: all
// of them if the hub sends keywords, else all from the first optional parameter that a
// required one follows. The error names a parameter that is no Python name.
func Python(w io.Writer, c *Contract) error {
	p := &pythonWriter{Contract: c, taken: map[string]bool{"typing": true, "taskhawk": true}, defs: map[string]string{}}
	p.add(`"""Tasks that run in Go, to be dispatched from Python. Generated from their contract; do not edit."""` +
		"\n\nimport typing\n\nimport taskhawk\n")
	p.types()
	for _, task := range c.Tasks {
		if err := p.function(task); err != nil {
			return fmt.Errorf("contract: task %s: %w", task.Name, err)
		}
	}
	_, err := w.Write(p.Bytes())
	return err
}

type pythonWriter struct {
	source
	*Contract

	taken map[string]bool   // names of the module
	defs  map[string]string // Python names of definitions
}

// name returns a name that is not yet in the module.
func (p *pythonWriter) name(want string) string {
	name := strings.Map(func(r rune) rune {
		if r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return '_'
	}, want)
	if name == "" || unicode.IsDigit([]rune(name)[0]) || pythonKeywords[name] {
		name = "task_" + name
	}
	base := name
	for i := 2; p.taken[name]; i++ {
		name = base + "_" + strconv.Itoa(i)
	}
	p.taken[name] = true
	return name
}

// types writes a TypedDict for each struct. References are names in quotes, since a name
// may come before its definition.
func (p *pythonWriter) types() {
	names := slices.Sorted(maps.Keys(p.Defs))
	for _, name := range names {
		_, short, ok := strings.Cut(name, ".")
		if !ok {
			short = name
		}
		p.defs[name] = p.name(short)
	}
	for _, name := range names {
		p.add("\n" + p.defs[name] + " = ")
		if s := p.Defs[name]; s.Properties == nil {
			p.add(p.hint(s, true) + "\n")
			continue
		}
		p.add("typing.TypedDict(" + strconv.Quote(p.defs[name]) + ", {\n")
		for _, member := range slices.Sorted(maps.Keys(p.Defs[name].Properties)) {
			p.addf("    %s: %s,\n", pythonString(member), p.hint(p.Defs[name].Properties[member], true))
		}
		p.add("}, total=False)\n")
	}
}

// function writes one task.
func (p *pythonWriter) function(task Task) error {
	params, err := p.params(task)
	if err != nil {
		return err
	}
	short := task.Name[strings.LastIndexByte(task.Name, '.')+1:]
	if p.taken[short] {
		short = task.Name
	}
	priority := ""
	if task.Priority != "default" {
		priority = ", priority=taskhawk.Priority." + task.Priority
	}
	p.addf("\n\n@taskhawk.task(name=%s%s)\n", pythonString(task.Name), priority)
	p.addf("def %s(%s) -> None:\n", p.name(short), params)
	p.addf("    raise NotImplementedError(%s)\n", pythonString(task.Name+" runs in Go"))
	return nil
}

// params writes the list between the parentheses.
func (p *pythonWriter) params(task Task) (string, error) {
	var positional, named []string
	for i, param := range task.Params {
		if !isPythonName(param.Name) {
			return "", fmt.Errorf("parameter %q is no Python name: set a name by a tag", param.Name)
		}
		text := p.param(param)
		if param.KeywordOnly || task.Sends == Keywords || optionalBeforeRequired(task.Params, i) {
			named = append(named, text)
		} else {
			positional = append(positional, text)
		}
	}
	if named != nil {
		positional = append(append(positional, "*"), named...)
	}
	if task.Rest != nil {
		name := task.Rest.Name
		if !isPythonName(name) {
			name = "rest"
		}
		positional = append(positional, "**"+name+": "+p.hint(task.Rest.Schema, false))
	}
	return strings.Join(positional, ", "), nil
}

// optionalBeforeRequired reports whether, at or before i, an optional parameter has a
// required one after it.
func optionalBeforeRequired(params []Param, i int) bool {
	first, last := len(params), -1
	for n, param := range params {
		switch {
		case param.KeywordOnly:
		case param.Optional:
			first = min(first, n)
		default:
			last = n
		}
	}
	return first < last && i >= first
}

// param writes one parameter. The library fills metadata and headers itself, and refuses
// hints on them other than dict.
func (p *pythonWriter) param(param Param) string {
	text := param.Name
	hint := p.hint(param.Schema, false)
	value, zero := p.zero(param.Schema)
	if param.Optional && !zero && !strings.HasPrefix(hint, "typing.Optional[") && hint != "typing.Any" {
		hint = "typing.Optional[" + hint + "]"
	}
	if text != "metadata" && text != "headers" {
		text += ": " + hint
	}
	if param.Optional {
		text += " = " + value
	}
	return text
}

// zero returns the Python value of an absent parameter: None, unless the type has a plain
// zero.
func (p *pythonWriter) zero(s *Schema) (text string, zero bool) {
	s = p.resolve(s)
	if len(s.Type) == 1 && s.Enum == nil {
		text, zero = pythonZeros[s.Type[0]]
	}
	if !zero {
		return "None", false
	}
	return text, true
}

// hint returns the type hint of a schema. If quoted is set, names of definitions are in
// quotes.
func (p *pythonWriter) hint(s *Schema, quoted bool) string {
	if name := s.definition(); name != "" {
		if quoted {
			return pythonString(p.defs[name])
		}
		return p.defs[name]
	}
	var hints []string
	null := false
	add := func(hint string) {
		inner, optional := strings.CutPrefix(hint, "typing.Optional[")
		if optional {
			hint, null = strings.TrimSuffix(inner, "]"), true
		}
		if hint == "None" {
			null = true
		} else if !slices.Contains(hints, hint) {
			hints = append(hints, hint)
		}
	}
	for _, part := range s.AnyOf {
		add(p.hint(part, quoted))
	}
	if s.AnyOf == nil {
		for _, hint := range p.ownHints(s, quoted) {
			add(hint)
		}
	}
	return union(hints, null)
}

// ownHints returns the hints of a schema without alternatives.
func (p *pythonWriter) ownHints(s *Schema, quoted bool) []string {
	var hints []string
	_, isText := s.Const.(string)
	_, isNumber := s.Const.(json.Number)
	switch {
	case s.Enum != nil:
		hints = append(hints, literal(s.Enum))
	case isText:
		hints = append(hints, "str")
	case isNumber:
		hints = append(hints, "int")
	case len(s.Type) == 0:
		hints = append(hints, "typing.Any")
	}
	for _, name := range s.Type {
		if s.Enum == nil || name == "null" {
			hints = append(hints, p.plainHint(s, name, quoted))
		}
	}
	return hints
}

// union joins hints; typing.Any includes all others.
func union(hints []string, null bool) string {
	text := strings.Join(hints, ", ")
	switch {
	case slices.Contains(hints, "typing.Any"):
		return "typing.Any"
	case len(hints) == 0:
		return "None"
	case len(hints) > 1:
		text = "typing.Union[" + text + "]"
	}
	if null {
		return "typing.Optional[" + text + "]"
	}
	return text
}

func (p *pythonWriter) plainHint(s *Schema, name string, quoted bool) string {
	switch name {
	case "boolean":
		return "bool"
	case "integer":
		return "int"
	case "number":
		return "float"
	case "string":
		return "str"
	case "null":
		return "None"
	case "array":
		if s.Items == nil {
			return "list"
		}
		return "typing.List[" + p.hint(s.Items, quoted) + "]"
	}
	if s.AdditionalProperties == nil {
		return "typing.Dict[str, typing.Any]"
	}
	return "typing.Dict[str, " + p.hint(s.AdditionalProperties, quoted) + "]"
}

func literal(values []any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		if text, ok := v.(string); ok {
			texts[i] = pythonString(text)
		} else {
			texts[i] = jsonText(v)
		}
	}
	return "typing.Literal[" + strings.Join(texts, ", ") + "]"
}

// pythonString returns a Python string literal. In ASCII, Go and Python have the same
// escapes.
func pythonString(text string) string { return strconv.QuoteToASCII(text) }

func isPythonName(name string) bool {
	for i, r := range name {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return name != "" && !pythonKeywords[name]
}

// pythonKeywords are the reserved words of Python 3.
var pythonKeywords = map[string]bool{
	"False": true, "None": true, "True": true, "and": true, "as": true, "assert": true,
	"async": true, "await": true,
	"break": true, "class": true, "continue": true, "def": true,
	"del": true, "elif": true, "else": true, "except": true,
	"finally": true, "for": true, "from": true, "global": true, "if": true, "import": true, "in": true, "is": true,
	"lambda": true, "nonlocal": true, "not": true, "or": true, "pass": true, "raise": true, "return": true, "try": true,
	"while": true, "with": true, "yield": true,
}

// pythonZeros are the zero values of the hints that have one.
var pythonZeros = map[string]string{"string": "''", "integer": "0", "number": "0.0", "boolean": "False"}
