package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// write prints the lines and their sum, and below them what was measured.
func write(w io.Writer, lines []line) error {
	if err := writeTable(w, lines); err != nil {
		return err
	}
	_, err := io.WriteString(w, notes(lines))
	return err //nolint:wrapcheck // the error of w
}

// notes are what was measured, a line each.
func notes(lines []line) string {
	var text strings.Builder
	for _, l := range lines {
		for _, note := range l.Notes {
			fmt.Fprintf(&text, "%s: %s\n", l.Number, note)
		}
	}
	return text.String()
}

func writeTable(w io.Writer, lines []line) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	text := []string{"fault\twhat\tchecks\ttasks\truns\tlost\tduplicates explained\tunexplained\n"}
	sum := line{report: report{Number: "all", What: fmt.Sprintf("%d faults", len(lines))}}
	for _, l := range lines {
		text = append(text, l.text())
		sum.checks += l.checks - 1
		sum.add(l.report)
	}
	if _, err := io.WriteString(table, strings.Join(append(text, sum.text()), "")); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	return table.Flush() //nolint:wrapcheck // the error of w
}

func (l *line) text() string {
	return fmt.Sprintf(
		"%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\n",
		l.Number,
		l.What,
		l.checks,
		l.Tasks,
		l.Runs,
		l.Lost,
		l.Explained,
		l.Unexplained,
	)
}

// verdict is an error that names the faults without a check, and those that lost a task
// or ran one twice without a cause.
func verdict(lines []line) error {
	var untested, broken []string
	for _, l := range lines {
		switch {
		case l.checks == 0:
			untested = append(untested, l.Number)
		case l.Lost+l.Unexplained > 0:
			broken = append(broken, l.Number)
		}
	}
	var complaints []string
	if len(untested) > 0 {
		complaints = append(complaints, "without a test: "+strings.Join(untested, " "))
	}
	if len(broken) > 0 {
		complaints = append(complaints, "tasks lost, or run twice without a cause: "+strings.Join(broken, " "))
	}
	if len(complaints) > 0 {
		return errors.New(strings.Join(complaints, "; "))
	}
	return nil
}
