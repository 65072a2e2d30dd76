// Table reads the output of run, or of go test -bench -benchmem, from standard input and
// prints the medians as Markdown tables, with ratios to the naive contender, to the
// fastest rival and to the limit of each cell.
//
//	go run ./run | go run ./table
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/taskhawk/taskhawk-go/bench"
	"github.com/taskhawk/taskhawk-go/bench/transport"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	found, err := readResults(in)
	if err != nil {
		return err
	}
	cells, err := bench.Cells()
	if err != nil {
		return err
	}
	for i := range cells {
		writeCell(out, &cells[i], found)
	}
	calls, err := bench.Calls()
	if err != nil {
		return err
	}
	writeCalls(out, calls, found)
	for _, cell := range transport.Cells(0) {
		writeTransport(out, &cell, found)
	}
	return nil
}
