// Command table prints what the fault suite found: a line for each fault, summed up from
// the files that the tests leave in the folder of FAULTS_REPORT. It fails when a fault
// has no test, when a task was lost, and when one ran twice without a cause.
//
//	go run ./internal/faults/table FOLDER
package main

import (
	"errors"
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1) //nolint:forbidigo // this is the main function
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return errors.New("usage: table FOLDER")
	}
	found, err := readReports(args[0])
	if err != nil {
		return err
	}
	lines := summarize(found)
	if err := write(os.Stdout, lines); err != nil {
		return err
	}
	return verdict(lines)
}
