package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// formatVersion is the version of the files that this package writes, and the newest that
// it reads.
const formatVersion = 1

// document is a contract in a file.
type document struct {
	Version int `json:"taskhawk_contract"`
	*Contract
}

// WriteTo writes the contract as JSON. The text depends only on the contract. A parameter
// has one line, unless it is too long, so that diffs are easy to read.
func (c *Contract) WriteTo(w io.Writer) (int64, error) {
	text, err := c.text()
	if err != nil {
		return 0, fmt.Errorf("contract: %w", err)
	}
	n, err := w.Write(text)
	return int64(n), err
}

func (c *Contract) text() ([]byte, error) {
	compact, err := marshal(document{Version: formatVersion, Contract: c})
	if err != nil {
		return nil, err
	}
	return append(layOut(nil, string(compact), 0), '\n'), nil
}

// marshal writes v as compact JSON, with <, > and & as they are.
func marshal(v any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err //nolint:wrapcheck // the caller names the package
	}
	return bytes.TrimSpace(text.Bytes()), nil
}

// maxLine is the longest line, in bytes. Longer values take several lines.
const maxLine = 120

// layOut appends a compact JSON value with line breaks. The upper levels have one member
// a line whatever their length, so that a longer member does not move its neighbours.
func layOut(dst []byte, text string, level int) []byte {
	parts := membersOf(text)
	inline := slices.Concat([]byte(text[:1]), joinInline(parts), []byte(text[len(text)-1:]))
	nested := slices.ContainsFunc(parts, func(p member) bool { return strings.ContainsAny(p.value[:1], "{[") })
	switch {
	case parts == nil:
		return append(dst, text...)
	case level > 3 || level == 3 && !nested:
		if 2*level+len(inline) <= maxLine {
			return append(dst, inline...)
		}
	}
	indent := "\n" + strings.Repeat("  ", level+1)
	dst = append(dst, text[0])
	for i, p := range parts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(dst, indent...), p.key...)
		dst = layOut(dst, p.value, level+1)
	}
	dst = append(dst, indent[:len(indent)-2]...)
	return append(dst, text[len(text)-1])
}

// member is one part of an array or object. The key ends with a colon and a space.
type member struct{ key, value string }

// membersOf returns the parts of a compact array or object, nil if it is empty or another
// value.
func membersOf(text string) []member {
	if text[0] != '{' && text[0] != '[' {
		return nil
	}
	var parts []member
	for i := 1; i < len(text)-1; i++ {
		var m member
		if text[0] == '{' {
			end := endOf(text, i)
			m.key, i = text[i:end]+": ", end+1
		}
		end := endOf(text, i)
		m.value, i = text[i:end], end
		parts = append(parts, m)
	}
	return parts
}

// endOf returns the index after the value that begins at text[i].
func endOf(text string, i int) int {
	depth, quoted := 0, false
	for ; i < len(text); i++ {
		c := text[i]
		switch {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth == 0 {
				return i
			}
			depth--
		case depth == 0 && (c == ',' || c == ':'):
			return i
		}
	}
	return i
}

// joinInline writes parts, with all that they contain, on one line.
func joinInline(parts []member) []byte {
	var line []byte
	for i, p := range parts {
		if i > 0 {
			line = append(line, ", "...)
		}
		line = append(line, p.key...)
		if inner := membersOf(p.value); inner != nil {
			line = append(append(append(line, p.value[0]), joinInline(inner)...), p.value[len(p.value)-1])
		} else {
			line = append(line, p.value...)
		}
	}
	return line
}

// Read reads a contract that WriteTo wrote. It refuses files of a newer version of this
// package, and unknown keywords of the format.
func Read(r io.Reader) (*Contract, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	c, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	return c, nil
}

func parse(text []byte) (*Contract, error) {
	var head struct {
		Version json.Number `json:"taskhawk_contract"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, broken(text, err)
	}
	version, err := head.Version.Int64()
	switch {
	case head.Version == "":
		return nil, errors.New(`no contract: "taskhawk_contract" is missing`)
	case err != nil || version < 1:
		return nil, fmt.Errorf("invalid format version %s", head.Version)
	case version > formatVersion:
		return nil, fmt.Errorf("format version %d, newer than %d: update taskhawk", version, formatVersion)
	}
	doc := document{Contract: new(Contract)}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&doc); err != nil {
		return nil, broken(text, err)
	}
	return doc.Contract, doc.check()
}

// broken adds the line number to an error of package json.
func broken(text []byte, err error) error {
	offset := int64(-1)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = syntax.Offset
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset = wrong.Offset
	}
	if offset < 0 || offset > int64(len(text)) {
		return fmt.Errorf("broken contract: %w", err)
	}
	return fmt.Errorf("broken contract, line %d: %w", 1+bytes.Count(text[:offset], []byte("\n")), err)
}

// check refuses contracts that Of cannot produce, such as a file merged by hand.
func (c *Contract) check() error {
	for name, s := range c.Defs {
		if err := c.checkSchema(s); err != nil {
			return fmt.Errorf("definition %s: %w", name, err)
		}
	}
	for i, task := range c.Tasks {
		switch {
		case i > 0 && task.Name == c.Tasks[i-1].Name:
			return fmt.Errorf("task %s given twice", task.Name)
		case i > 0 && task.Name < c.Tasks[i-1].Name:
			return fmt.Errorf("task %s out of order", task.Name)
		}
		if err := c.checkTask(task); err != nil {
			return fmt.Errorf("task %s: %w", task.Name, err)
		}
	}
	return nil
}

func (c *Contract) checkTask(task Task) error {
	if _, err := taskhawk.ParsePriority(task.Priority); err != nil {
		return fmt.Errorf("priority %q: %w", task.Priority, err)
	}
	if task.Sends != Positional && task.Sends != Keywords {
		return fmt.Errorf("unknown way to send arguments: %q", task.Sends)
	}
	names := map[string]bool{}
	for _, p := range task.Params {
		for _, name := range append([]string{p.Name}, p.Aliases...) {
			if name == "" || names[name] {
				return fmt.Errorf("parameter name %q missing or given twice", name)
			}
			names[name] = true
		}
		if err := c.checkSchema(p.Schema); err != nil {
			return fmt.Errorf("parameter %s: %w", p.Name, err)
		}
	}
	if task.Rest == nil {
		return nil
	}
	return c.checkSchema(task.Rest.Schema)
}

// checkSchema refuses missing schemas and references to unknown definitions.
func (c *Contract) checkSchema(s *Schema) error {
	if s == nil {
		return errors.New("schema missing")
	}
	if target := c.resolve(s); target == nil || target.Ref != "" {
		return fmt.Errorf("unknown definition %s", s.Ref)
	}
	for _, n := range s.numbers() {
		if n != "" {
			if _, ok := new(big.Rat).SetString(string(n)); !ok {
				return fmt.Errorf("invalid number %q", n)
			}
		}
	}
	for _, part := range s.parts() {
		if err := c.checkSchema(part); err != nil {
			return err
		}
	}
	return nil
}

func (s *Schema) numbers() []json.Number {
	return []json.Number{s.Minimum, s.Maximum, s.ExclusiveMinimum, s.ExclusiveMaximum}
}

// parts returns the schemas within a schema. It follows no references. A missing member
// of a list is nil.
func (s *Schema) parts() []*Schema {
	parts := slices.Clone(s.AnyOf)
	for _, part := range []*Schema{s.Not, s.Items, s.AdditionalProperties} {
		if part != nil {
			parts = append(parts, part)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		parts = append(parts, s.Properties[name])
	}
	return parts
}
