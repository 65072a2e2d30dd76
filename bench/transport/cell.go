package transport

import (
	"slices"
	"strings"

	"github.com/taskhawk/taskhawk-go/bench"
)

// Cell is one direction over one link, with everybody that can do it.
type Cell struct {
	// Direction is "publish" or "work".
	Direction string
	// Link is how the server is reached.
	Link Link
	// Entries are the contenders, ours first.
	Entries []*Entry
}

// Cells returns all cells with so many tasks a run. They share no entries.
func Cells(tasks int) []Cell {
	var cells []Cell
	for _, link := range Links() {
		cells = append(cells,
			Cell{Direction: "publish", Link: link, Entries: entries(publishers(), link, tasks)},
			Cell{Direction: "work", Link: link, Entries: entries(workers(), link, tasks)})
	}
	return cells
}

// Name returns the cell's name, such as "publish/loopback".
func (c *Cell) Name() string { return c.Direction + "/" + c.Link.Name }

// Benchmark returns the name of an entry's benchmark without its prefix, such as
// "Publish/loopback/taskhawk".
func (c *Cell) Benchmark(e *Entry) string {
	return strings.ToUpper(c.Direction[:1]) + c.Direction[1:] + "/" + c.Link.Name + "/" + e.Name
}

// contender is one way to publish tasks or to work them off.
type contender struct {
	name, title string
	kind        bench.Kind
	// start makes ready what the run needs, and returns the run, which ends when the
	// server has all tasks, or has none left.
	start func(r *env) (run func() error, err error)
}

func publishers() []contender {
	peers := []contender{gocloudPublish(), watermillPublish(), machineryPublish()}
	return slices.Concat(publishOurs(), publishBare(), peers)
}

func workers() []contender {
	peers := []contender{gocloudWork(), watermillWork(), machineryWork()}
	return slices.Concat(workOurs(), workBare(), peers)
}
