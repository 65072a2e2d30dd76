package letters

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
	"github.com/taskhawk/taskhawk-go/sqsx"
)

// Drop is the command `taskhawk dlq drop`.
type Drop struct {
	Filter
	Acts

	Save        string `help:"New file for copies, written before letters are deleted; see dlq load." placeholder:"FILE" predictor:"file" xor:"copy"`
	WithoutCopy bool   `help:"Delete letters for good."                                                       xor:"copy"`
}

// Help has examples.
func (*Drop) Help() string {
	return `A copy is on the disk before its letter is deleted. The file has arguments and headers, so
only its owner may read it.

Examples:
  taskhawk dlq drop --app dev-myapp --task tasks.old --save old.jsonl
  taskhawk dlq drop --app dev-myapp --since 1h --reason 'no such customer' --without-copy --dry-run`
}

type dropReport struct {
	App    string      `json:"app"`
	DryRun bool        `json:"dry_run"`
	Count  dropCount   `json:"count"`
	Queues []dropQueue `json:"queues"`
	Saved  *int        `json:"saved"` // letters written to the file; null without one
	Error  string      `json:"error,omitempty"`
}

type dropQueue struct {
	Queue string               `json:"queue"`
	Count dropCount            `json:"count"`
	Tasks map[string]dropCount `json:"tasks,omitempty"`
}

type dropCount struct {
	Dropped   int `json:"dropped"`
	WouldDrop int `json:"would_drop"`
	Skipped   int `json:"skipped"`
	Later     int `json:"later"`
	Failed    int `json:"failed"`
}

// Run drops the letters.
func (c *Drop) Run(ctx context.Context, p *program.Program) error {
	if c.Save == "" && !c.WithoutCopy {
		return program.Usagef("drop deletes letters: give --save FILE for copies, or --without-copy")
	}
	a, err := newAction(ctx, p, c.Filter)
	if err != nil {
		return err
	}
	how := ", with copies in " + c.Save
	if c.WithoutCopy {
		how = ", for good"
	}
	if some, err := a.confirm(ctx, c.Acts, "Delete", how); err != nil || !some {
		return err
	}
	config := sqsx.DropConfig{
		Account: p.Account, Naming: p.Naming(), Priorities: c.Priority, Tasks: c.Task, Reason: a.chosen.reason,
		Since: a.chosen.since, IDs: c.ID, Limit: c.Limit, Rate: c.Rate, DryRun: c.DryRun,
	}
	var file *letterFile
	switch {
	case c.WithoutCopy, c.DryRun:
		config.WithoutCopy = true
	default:
		if file, err = createLetterFile(c.Save); err != nil {
			return err
		}
		config.Keep = file.keep
	}
	progress := p.NewProgress()
	config.Progress = func(count sqsx.DropCount) { progress.Setf("%s", count) }
	report, err := sqsx.Drop(ctx, a.client, a.app, config)
	progress.Close()
	if file != nil {
		err = errors.Join(err, file.close())
	}
	if writeErr := c.print(p, a.app, report, file, err); writeErr != nil {
		return writeErr
	}
	return err
}

func (c *Drop) print(p *program.Program, app string, report sqsx.DropReport, file *letterFile, failed error) error {
	if !p.JSON {
		p.Printf("%s", report)
		if file != nil {
			p.Sayf("%d copies in %s", file.letters, program.Line(c.Save))
			if more := file.letters - report.Count().Dropped; more > 0 {
				p.Sayf("%d of them are still dead letters, too", more)
			}
		}
		return nil
	}
	out := dropReport{
		App: app, DryRun: c.DryRun, Count: dropCount(report.Count()), Queues: []dropQueue{}, Error: errorText(failed),
	}
	if file != nil {
		out.Saved = &file.letters
	}
	for _, q := range report.Queues {
		d := dropQueue{Queue: q.Queue, Count: dropCount(q.Count), Tasks: map[string]dropCount{}}
		for task, count := range q.Tasks {
			d.Tasks[task] = dropCount(count)
		}
		out.Queues = append(out.Queues, d)
	}
	return p.Document(out)
}

// letterFile is a new file of letters.
type letterFile struct {
	file    *os.File
	letters int // on the disk
}

func createLetterFile(name string) (*letterFile, error) {
	file, err := program.CreateNew(name)
	if err != nil {
		return nil, err
	}
	// A letter is deleted when its copy is on the disk, and so must be the file's name.
	if err := program.SyncFolder(filepath.Dir(name)); err != nil {
		_ = file.Close()
		return nil, err
	}
	return &letterFile{file: file}, nil
}

// keep writes letters, and returns when they are on the disk.
func (f *letterFile) keep(_ context.Context, letters []sqsx.DeadLetter) error {
	if err := writeLetters(f.file, letters); err != nil {
		return err
	}
	if err := f.file.Sync(); err != nil {
		return err
	}
	f.letters += len(letters)
	return nil
}

func (f *letterFile) close() error {
	if err := f.file.Close(); err != nil {
		return fmt.Errorf("close %s: %w", f.file.Name(), err)
	}
	return nil
}
