package contracts

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
	"github.com/taskhawk/taskhawk-go/taskhawk/contract"
)

// Command is the command contract.
type Command struct {
	Show       show       `cmd:"" help:"List the tasks of a contract and their parameters."`
	Check      check      `cmd:"" help:"Compare two contracts and report changes that break messages."`
	Python     python     `cmd:"" help:"Write a Python module that dispatches the tasks."`
	Go         golang     `cmd:"" help:"Write the tasks as Go structs." name:"go"`
	FromPython fromPython `cmd:"" help:"Write the tasks of a Python module as Go structs." name:"from-python"`
	Validate   validate   `cmd:"" help:"List saved messages that do not fit a contract."`
}

// read reads a contract file. An unreadable file is wrong usage.
func read(file string) (*contract.Contract, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, program.Usagef("%w", err)
	}
	defer f.Close() //nolint:errcheck // it is read only
	c, err := contract.Read(f)
	if err != nil {
		return nil, program.Usagef("%s: %w", file, err)
	}
	return c, nil
}

type show struct {
	File string `arg:"" help:"Contract file, as contract.Check writes it."`
}

// Run prints a line for each task, with its parameters as in Python.
func (c *show) Run(p *program.Program) error {
	found, err := read(c.File)
	if err != nil {
		return err
	}
	if p.JSON {
		return p.Document(found)
	}
	table := p.Table("TASK", "PRIORITY", "SENDS", "PARAMETERS")
	for _, task := range found.Tasks {
		table.Row(program.Line(task.Name), task.Priority, string(task.Sends), program.Line(parameters(task)))
	}
	return table.Close()
}

// parameters writes a list such as to, subject, *, from_email=, **extra.
func parameters(task contract.Task) string {
	var positional, named []string
	for _, param := range task.Params {
		text := param.Name
		if param.Optional {
			text += "="
		}
		if param.KeywordOnly {
			named = append(named, text)
		} else {
			positional = append(positional, text)
		}
	}
	if named != nil {
		positional = append(append(positional, "*"), named...)
	}
	if task.Rest != nil {
		positional = append(positional, "**"+task.Rest.Name)
	}
	return strings.Join(positional, ", ")
}

type check struct {
	Before string `arg:"" help:"Contract of the programs that run."`
	After  string `arg:"" help:"Contract of the programs to be deployed."`
}

// Run fails if a change breaks messages.
func (c *check) Run(p *program.Program) error {
	before, err := read(c.Before)
	if err != nil {
		return err
	}
	after, err := read(c.After)
	if err != nil {
		return err
	}
	code := program.ExitOK
	for _, change := range contract.Compare(before, after) {
		if change.Verdict == contract.Breaks {
			code = program.ExitFailed
		}
		if p.JSON {
			line := map[string]string{
				"task": change.Task, "param": change.Param, "verdict": change.Verdict.String(), "reason": change.Reason,
			}
			if err := p.JSONLine(line); err != nil {
				return err
			}
			continue
		}
		p.Printf("%s\n", program.Line(change.String()))
	}
	return program.Exit(code)
}

type python struct {
	File string `arg:"" help:"Contract."`
}

// Run writes the module to the standard output.
func (c *python) Run(p *program.Program) error {
	found, err := read(c.File)
	if err != nil {
		return err
	}
	return contract.Python(p.Out, found)
}

type golang struct {
	File    string `arg:"" help:"Contract."`
	Package string `default:"tasks" help:"Name of the Go package."`
}

// Run writes the file to the standard output.
func (c *golang) Run(p *program.Program) error {
	found, err := read(c.File)
	if err != nil {
		return err
	}
	return contract.Go(p.Out, found, c.Package)
}

type fromPython struct {
	File    string `arg:"" help:"Python module."`
	Module  string `help:"Name of the module in Python. Default: the file's." placeholder:"NAME"`
	Package string `default:"tasks" help:"Name of the Go package."`
}

// Run writes the Go file, names what it could not read, and fails then.
func (c *fromPython) Run(p *program.Program) error {
	source, err := os.ReadFile(c.File)
	if err != nil {
		return program.Usagef("%w", err)
	}
	module := c.Module
	if module == "" {
		module = strings.TrimSuffix(filepath.Base(c.File), ".py")
	}
	found, unread := contract.FromPython(module, source)
	if found == nil {
		return fmt.Errorf("%s: %w", c.File, oneLine(unread))
	}
	if p.JSON {
		if _, err := found.WriteTo(p.Out); err != nil {
			return err
		}
	} else if err := contract.Go(p.Out, found, c.Package); err != nil {
		return err
	}
	if unread != nil {
		return fmt.Errorf("%s: read in part: %w", c.File, oneLine(unread))
	}
	return nil
}

// oneLine returns an error with its lines joined, as the program prints errors.
func oneLine(err error) error {
	return errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
}
