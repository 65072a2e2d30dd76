package contracts

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
	"github.com/taskhawk/taskhawk-go/taskhawk/contract"
)

type validate struct {
	File     string `arg:"" help:"Saved messages, a JSON object in each line: a message, or one that has it in body."`
	Contract string `default:"contract.json" help:"Contract." short:"c"`
}

// Run names each message that does not fit, and fails then.
func (c *validate) Run(p *program.Program) error {
	found, err := read(c.Contract)
	if err != nil {
		return err
	}
	file, err := os.Open(c.File)
	if err != nil {
		return program.Usagef("%w", err)
	}
	defer file.Close() //nolint:errcheck // it is read only
	checker := NewChecker(found)
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 4<<20) // bytes; a message has 1 MiB at most, and escapes
	code, number := program.ExitOK, 0
	for lines.Scan() {
		number++
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		if err := checker.Check(bodyOf(lines.Bytes())); err != nil {
			code = program.ExitFailed
			p.Printf("%s:%d: %s\n", c.File, number, program.Line(err.Error()))
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	return program.Exit(code)
}

// bodyOf returns the message of a line: its body if it is a saved letter, otherwise the
// line.
func bodyOf(line []byte) string {
	var saved struct {
		Body *string `json:"body"`
	}
	if err := json.Unmarshal(line, &saved); err == nil && saved.Body != nil {
		return *saved.Body
	}
	return string(line)
}

// Checker compares messages with a contract. It compiles the schema of a task once, and is
// not safe for concurrent use.
type Checker struct {
	contract *contract.Contract
	schemas  map[string]*jsonschema.Schema
}

// NewChecker returns a Checker of messages of a contract.
func NewChecker(c *contract.Contract) *Checker {
	return &Checker{contract: c, schemas: map[string]*jsonschema.Schema{}}
}

// Load returns the Checker of a contract file, nil for no file.
func Load(file string) (*Checker, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // a nil Checker checks nothing
	}
	c, err := read(file)
	if err != nil {
		return nil, err
	}
	return NewChecker(c), nil
}

// Check returns why a message does not fit: places and rules, no values. A nil Checker
// takes every message.
func (c *Checker) Check(body string) error {
	if c == nil {
		return nil
	}
	var message struct {
		Task string `json:"task"`
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		return errors.New("not JSON")
	}
	if err := json.Unmarshal([]byte(body), &message); err != nil || message.Task == "" {
		return errors.New("no task message")
	}
	schema, err := c.schema(message.Task)
	if err != nil {
		return err
	}
	invalid, ok := errors.AsType[*jsonschema.ValidationError](schema.Validate(value))
	if !ok {
		return nil
	}
	var places []string
	for at := range leaves(invalid) {
		places = append(places, at)
	}
	return fmt.Errorf("%s does not fit: %s", message.Task, strings.Join(places, ", "))
}

func (c *Checker) schema(task string) (*jsonschema.Schema, error) {
	if schema, ok := c.schemas[task]; ok {
		return schema, nil
	}
	text, err := c.contract.MessageSchema(task)
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", task, err)
	}
	compiler := jsonschema.NewCompiler()
	assertFormats(compiler)
	if err := compiler.AddResource("message.json", doc); err != nil {
		return nil, fmt.Errorf("schema of %s: %w", task, err)
	}
	schema, err := compiler.Compile("message.json")
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", task, err)
	}
	c.schemas[task] = schema
	return schema, nil
}

// leaves yields the places of an error and the rules that they break.
func leaves(invalid *jsonschema.ValidationError) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		pending := []*jsonschema.ValidationError{invalid}
		for len(pending) > 0 {
			next := pending[0]
			pending = append(pending[1:], next.Causes...)
			if len(next.Causes) > 0 {
				continue
			}
			at, rule := strings.Join(next.InstanceLocation, "."), strings.Join(next.ErrorKind.KeywordPath(), ".")
			if !yield(at + " breaks " + rule) {
				return
			}
		}
	}
}
