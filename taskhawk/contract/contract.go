package contract

import (
	"fmt"
	"slices"
	"strings"

	"github.com/taskhawk/taskhawk-go/codec"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Contract is what programs that share queues have to know of each other: the tasks and
// what may stand in their messages. [Of] makes one of a hub, [Read] of a file.
type Contract struct {
	// Tasks are sorted by name.
	Tasks []Task `json:"tasks"`
	// Defs are the schemas that others refer to, by name.
	Defs map[string]*Schema `json:"$defs,omitempty"`
}

// Task describes one task.
type Task struct {
	// Name is the name on the wire, such as tasks.send_email.
	Name string `json:"name"`
	// Priority is the default: default, high, low or bulk.
	Priority string `json:"priority"`
	// Sends says how the hub writes arguments.
	Sends Sends `json:"sends"`
	// Params are in the order of declaration. Those that are not keyword-only are filled
	// from args in that order.
	Params []Param `json:"params"`
	// Rest takes the keywords that are no parameter, nil if they are refused.
	Rest *Rest `json:"rest,omitempty"`
}

// Sends is a way to write arguments.
type Sends string

const (
	// Positional is the usual way: leading required arguments by position, others by
	// name.
	Positional Sends = "positional"
	// Keywords is all by name, as Config.KeywordArgs and WithKeywordArgs have it. The
	// order of parameters is no part of the contract then.
	Keywords Sends = "keywords"
)

// Param describes one parameter.
type Param struct {
	// Name is the name in kwargs.
	Name string `json:"name"`
	// Aliases are older names, that are read and never written.
	Aliases []string `json:"aliases,omitempty"`
	// KeywordOnly reports that the parameter is never filled by position.
	KeywordOnly bool `json:"keyword_only,omitempty"`
	// Optional reports that it may be absent.
	Optional bool `json:"optional,omitempty"`
	// Schema is what values are allowed.
	Schema *Schema `json:"schema"`
}

// Rest describes what unknown keywords may be.
type Rest struct {
	// Name is a label: it is not on the wire.
	Name string `json:"name"`
	// Schema is what each of the values may be.
	Schema *Schema `json:"schema"`
}

// Of describes the tasks of a hub as their codec writes and reads them. Of a task with
// WithValidator it leaves out the `validate` tags, whose meaning is that validator's. The
// error is that of a type's [Declarer].
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
