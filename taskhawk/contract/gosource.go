package contract

import (
	"bytes"
	"fmt"
	"go/format"
	"go/token"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Go writes a Go file that dispatches the tasks of a contract. For each task it declares
// a struct of arguments and a task without a handler. It writes no `validate` tags. The
// error names a package or parameter that has no Go name.
func Go(w io.Writer, c *Contract, pkg string) error {
	if !token.IsIdentifier(pkg) {
		return fmt.Errorf("contract: package name %q is invalid", pkg)
	}
	g := &goWriter{Contract: c, taken: map[string]bool{}, defs: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(c.Defs)) {
		short := strings.TrimSuffix(name[strings.IndexByte(name, '.')+1:], ".unchecked")
		g.defs[name] = g.name(short)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Defs)) {
		g.addf("// %s is part of arguments.\ntype %s %s\n\n", g.defs[name], g.defs[name], g.typ(c.Defs[name]))
	}
	for _, task := range c.Tasks {
		g.task(task)
	}
	imports := "\nimport \"github.com/taskhawk/taskhawk-go/taskhawk\"\n\n"
	if bytes.Contains(g.Bytes(), []byte("time.Time")) {
		imports = "\nimport (\n\t\"time\"\n\n\t\"github.com/taskhawk/taskhawk-go/taskhawk\"\n)\n\n"
	}
	if len(c.Tasks) == 0 {
		imports = ""
	}
	head := "// Code generated from a contract; edit it as you like.\n\npackage " + pkg + "\n" + imports
	text, err := format.Source([]byte(head + g.String()))
	if err != nil {
		return fmt.Errorf("contract: name without a Go form: %w", err)
	}
	_, err = w.Write(text)
	return err
}

// source is a text buffer whose writes cannot fail.
type source struct{ bytes.Buffer }

func (s *source) add(text string) { _, _ = s.WriteString(text) }

func (s *source) addf(format string, args ...any) { _, _ = fmt.Fprintf(s, format, args...) }

type goWriter struct {
	source
	*Contract

	taken map[string]bool
	defs  map[string]string
}

// name returns an exported name that is not yet in the file.
func (g *goWriter) name(want string) string {
	base := exported(want)
	name := base
	for i := 2; g.taken[name]; i++ {
		name = base + strconv.Itoa(i)
	}
	g.taken[name] = true
	return name
}

// exported converts a name to Go's form: user_id becomes UserID.
func exported(name string) string {
	var b strings.Builder
	words := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for _, word := range words {
		if slices.Contains([]string{"id", "url", "http", "json", "api", "sku", "ip", "uuid"}, strings.ToLower(word)) {
			b.WriteString(strings.ToUpper(word))
			continue
		}
		runes := []rune(word)
		b.WriteString(string(unicode.ToUpper(runes[0])) + string(runes[1:]))
	}
	if text := b.String(); token.IsExported(text) {
		return text
	}
	return "X" + b.String()
}

func (g *goWriter) task(task Task) {
	name := g.name(task.Name[strings.LastIndexByte(task.Name, '.')+1:])
	args := g.name(name + "Args")
	g.addf("// %s are the arguments of %s.\ntype %s struct {\n", args, task.Name, args)
	fields := &goWriter{taken: map[string]bool{}}
	for _, p := range task.Params {
		comment := ""
		if value := g.resolve(p.Schema).Default; value != nil {
			comment = " // absent is " + strings.ReplaceAll(jsonText(value), "\n", " ")
		}
		g.addf("%s %s `taskhawk:%s`%s\n", fields.name(p.Name), g.typ(p.Schema), strconv.Quote(goTag(p)), comment)
	}
	if task.Rest != nil {
		g.addf("%s map[string]%s `taskhawk:\",rest\"`\n", fields.name(task.Rest.Name), g.typ(task.Rest.Schema))
	}
	options := ""
	if task.Priority != "default" {
		options += ", taskhawk.WithPriority(taskhawk." + exported(task.Priority) + ")"
	}
	if task.Sends == Keywords {
		options += ", taskhawk.WithKeywordArgs()"
	}
	g.addf("}\n\n// %s is dispatched here, and runs elsewhere.\n", name)
	g.addf("var %s = taskhawk.New[%s](%s, nil%s)\n\n", name, args, strconv.Quote(task.Name), options)
}

// goTag returns the tag of a parameter's field.
func goTag(p Param) string {
	parts := []string{p.Name}
	if p.KeywordOnly {
		parts = append(parts, "kw")
	}
	if p.Optional {
		parts = append(parts, "optional")
	}
	for _, alias := range p.Aliases {
		parts = append(parts, "alias="+alias)
	}
	return strings.Join(parts, ",")
}

// typ returns the Go type of a schema, any if the schema allows several JSON types.
func (g *goWriter) typ(s *Schema) string {
	if name := s.definition(); name != "" {
		return g.defs[name]
	}
	var texts []string
	null := false
	parts := s.AnyOf
	if parts == nil {
		parts = split(s)
	}
	for _, part := range parts {
		var text string
		switch {
		case slices.Equal(part.Type, Types{"null"}):
			null = true
			continue
		case part.Const != nil && part.Type == nil:
			continue // the zero beside a rule
		case s.AnyOf != nil:
			text = g.typ(part)
		default:
			text = g.plainType(part)
		}
		if !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	switch {
	case len(texts) != 1:
		return "any"
	case null && !strings.HasPrefix(texts[0], "[]") && !strings.HasPrefix(texts[0], "map[") && texts[0] != "any":
		return "*" + strings.TrimPrefix(texts[0], "*")
	}
	return texts[0]
}

func (g *goWriter) plainType(s *Schema) string {
	switch s.Type[0] {
	case "boolean":
		return "bool"
	case "integer":
		return integerType(s)
	case "number":
		return map[string]string{"float": "float32", "double": "float64", "": "float64"}[s.Format]
	case "string":
		switch {
		case s.ContentEncoding == "base64":
			return "[]byte"
		case s.Format == "date-time":
			return "time.Time"
		}
		return "string"
	case "array":
		if s.Items != nil {
			return "[]" + g.typ(s.Items)
		}
		return "[]any"
	}
	if s.AdditionalProperties != nil {
		return "map[string]" + g.typ(s.AdditionalProperties)
	}
	var b source
	b.add("struct {\n")
	fields := &goWriter{taken: map[string]bool{}}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		b.addf("%s %s `json:%s`\n", fields.name(name), g.typ(s.Properties[name]), strconv.Quote(name))
	}
	return b.String() + "}"
}

// integerType returns the integer type with the bounds of a schema, int if the bounds
// come from rules.
func integerType(s *Schema) string {
	if s.Format == "uint64" {
		return s.Format
	}
	for _, bits := range []int{8, 16, 32} {
		for _, unsigned := range []bool{false, true} {
			low, high := boundsOf(bits, unsigned)
			if string(s.Minimum) == low.String() && string(s.Maximum) == high.String() {
				return map[bool]string{true: "uint", false: "int"}[unsigned] + strconv.Itoa(bits)
			}
		}
	}
	return "int"
}
