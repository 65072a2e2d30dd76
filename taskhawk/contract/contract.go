package contract

import (
	"fmt"
	"slices"
	"strings"

	"github.com/taskhawk/taskhawk-go/codec"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Contract describes the tasks of programs that share queues, and the messages of these
// tasks. [Of] builds it from a hub, [Read] from a file.
type Contract struct {
	// Tasks are sorted by name.
	Tasks []Task `json:"tasks"`
	// Defs holds the schemas that other schemas refer to, by name.
	Defs map[string]*Schema `json:"$defs,omitempty"`
}

// Task describes one task.
type Task struct {
	// Name is the name on the wire, such as tasks.send_email.
	Name string `json:"name"`
	// Priority is the default priority: "default", "high", "low" or "bulk".
	Priority string `json:"priority"`
	// Sends is how the hub writes arguments.
	Sends Sends `json:"sends"`
	// Params are in the order of declaration. Parameters that are not keyword-only are
	// filled from args in that order.
	Params []Param `json:"params"`
	// Rest takes keywords that match no parameter; nil if they are refused.
	Rest *Rest `json:"rest,omitempty"`
}

// Sends is a way to write arguments.
type Sends string

const (
	// Positional is the default: leading required arguments by position, others by name.
	Positional Sends = "positional"
	// Keywords is all arguments by name, as with Config.KeywordArgs and WithKeywordArgs.
	// The order of parameters is then not part of the contract.
	Keywords Sends = "keywords"
)

// Param describes one parameter.
type Param struct {
	// Name is the name in kwargs.
	Name string `json:"name"`
	// Aliases are older names. They are read and never written.
	Aliases []string `json:"aliases,omitempty"`
	// KeywordOnly reports whether the parameter is never filled by position.
	KeywordOnly bool `json:"keyword_only,omitempty"`
	// Optional reports whether the parameter may be absent.
	Optional bool `json:"optional,omitempty"`
	// Schema describes the allowed values.
	Schema *Schema `json:"schema"`
}

// Rest describes the keywords that match no parameter.
type Rest struct {
	// Name is a label: it is not on the wire.
	Name string `json:"name"`
	// Schema describes each of the values.
	Schema *Schema `json:"schema"`
}

// Of describes the tasks of a hub as their codec writes and reads them. It leaves out the
// `validate` tags of a task with WithValidator, since that validator decides their
// meaning. It returns the error of a type's [Declarer].
func Of(hub *taskhawk.Hub) (*Contract, error) {
	if hub == nil {
		return nil, fmt.Errorf("contract: %w", errNilHub)
	}
	c := &Contract{Tasks: []Task{}}
	d := newDescriber()
	for _, declaration := range taskhawk.Declarations(hub) {
		c.Tasks = append(c.Tasks, d.task(declaration))
	}
	if d.err != nil {
		return nil, fmt.Errorf("contract: %w", d.err)
	}
	if len(d.defs) > 0 {
		c.Defs = d.defs
	}
	return c, nil
}

func (d *describer) task(declaration taskhawk.Declaration) Task {
	task := Task{
		Name:     declaration.Name,
		Priority: declaration.Priority.String(),
		Sends:    Positional,
		Params:   []Param{},
	}
	if declaration.KeywordArgs {
		task.Sends = Keywords
	}
	for _, p := range declaration.Signature {
		tag, checked, _ := validated(p.Struct, p.Index)
		checked = checked && !declaration.OwnValidator
		if p.Kind == codec.Rest {
			list := ruleList{}
			if checked {
				list = parseRules(tag)
			}
			task.Rest = &Rest{Name: p.Name, Schema: d.elem(codec.ShapeOf(p), list, checked && tag != "-")}
			continue
		}
		task.Params = append(task.Params, Param{
			Name:        p.Name,
			Aliases:     p.Aliases,
			KeywordOnly: p.Kind == codec.KeywordOnly,
			Optional:    p.Optional,
			Schema:      d.value(codec.ShapeOf(p), tag, checked),
		})
	}
	return task
}

// Task returns the task of that name.
func (c *Contract) Task(name string) (Task, bool) {
	i, ok := slices.BinarySearchFunc(c.Tasks, name, func(t Task, name string) int {
		return strings.Compare(t.Name, name)
	})
	if !ok {
		return Task{}, false
	}
	return c.Tasks[i], true
}

// resolve follows a reference.
func (c *Contract) resolve(s *Schema) *Schema {
	for range len(c.Defs) {
		name, ok := strings.CutPrefix(s.Ref, refPrefix)
		if !ok {
			break
		}
		s = c.Defs[name]
	}
	return s
}
