package program

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"
)

// Line returns a text as one printable line, so that messages cannot control the terminal.
func Line(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\ufffd'
	}, text)
}

// Cut shortens a text to at most n runes.
func Cut(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}

// Ago returns the time since at, "" for the zero time.
func Ago(at, now time.Time) string {
	if at.IsZero() {
		return ""
	}
	return Short(max(0, now.Sub(at)))
}

// Short returns a duration in its largest unit.
func Short(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	default:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	}
}

// Printf writes to Out.
func (p *Program) Printf(format string, args ...any) { _, _ = fmt.Fprintf(p.Out, format, args...) }

// Sayf writes a line for people to Err.
func (p *Program) Sayf(format string, args ...any) {
	_, _ = fmt.Fprintf(p.Err, "taskhawk: "+format+"\n", args...)
}

// Document writes one indented JSON document to Out.
func (p *Program) Document(value any) error { return p.encode(value, "  ") }

// JSONLine writes a value as one line of JSON to Out.
func (p *Program) JSONLine(value any) error { return p.encode(value, "") }

func (p *Program) encode(value any, indent string) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	if err := encoder.Encode(value); err != nil {
		return err
	}
	_, err := p.Out.Write(text.Bytes())
	return err
}

// flushAfter is how long a row waits for others, to be aligned with them.
const flushAfter = 300 * time.Millisecond

// pageRows is the most rows that are aligned with each other.
const pageRows = 100

// Table writes rows in columns, within flushAfter of a row. Columns never get narrower. It
// is not safe for concurrent use.
type Table struct {
	mu     sync.Mutex
	out    io.Writer
	rows   [][]string
	widths []int
	timer  *time.Timer
	err    error
}

// Table starts a table with the names of its columns. The caller must call Close.
func (p *Program) Table(columns ...string) *Table {
	t := &Table{out: p.Out, widths: make([]int, len(columns))}
	t.add(columns)
	return t
}

// Row adds a row. Cells are made printable.
func (t *Table) Row(cells ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.add(cells)
	switch {
	case len(t.rows) >= pageRows:
		t.flush()
	case t.timer == nil:
		t.timer = time.AfterFunc(flushAfter, func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.flush()
		})
	}
}

// add keeps a row for the next flush. mu must be held, except in the constructor. The
// heading starts no timer: it waits for the first row, so that both are aligned.
func (t *Table) add(cells []string) {
	row := make([]string, len(cells))
	for i, cell := range cells {
		row[i] = Line(cell)
		t.widths[i] = max(t.widths[i], utf8.RuneCountInString(row[i]))
	}
	t.rows = append(t.rows, row)
}

// flush writes the rows. mu must be held.
func (t *Table) flush() {
	if t.timer != nil {
		t.timer.Stop()
		t.timer = nil
	}
	if len(t.rows) == 0 {
		return
	}
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	for _, row := range t.rows {
		for i, cell := range row[:len(row)-1] {
			// Later pages keep the columns of earlier ones.
			pad := t.widths[i] - utf8.RuneCountInString(cell)
			_, _ = fmt.Fprint(w, cell, strings.Repeat(" ", pad), "\t")
		}
		_, _ = fmt.Fprintln(w, row[len(row)-1])
	}
	if err := w.Flush(); err != nil && t.err == nil {
		t.err = err
	}
	t.rows = nil
}

// Close writes the last rows.
func (t *Table) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flush()
	return t.err
}
