// Command worker measures how busy workers keep their handlers: ours, a loop by hand and
// two libraries, each with a backlog on the embedded server, over loopback, where receives
// and deletes take 15 ms as within a region of AWS. Ideal is the concurrency divided by
// the time of a handler.
//
//	go run ./worker                print the table, medians of five turns
//	go run ./worker -idle 1m       and the requests of idle workers
//	go run ./worker -gate          fail if ours does less than the loop by hand
//	go test -bench . ./worker      one row and worker at a time
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// gateShare is how much of the throughput of the loop by hand ours must reach in each
// row: the median over the rounds of ratios within a round. A row in which the loop by
// hand is below judgedShare of ideal says more about the machine, and is not judged.
const (
	gateShare   = 0.95
	judgedShare = 0.9
)

func main() {
	rounds := flag.Int("rounds", 5, "measure each row so many times, in turns")
	idle := flag.Duration("idle", 0, "also count the requests of idle workers, for so long")
	gate := flag.Bool("gate", false, "measure only ours and the loop by hand, and fail if ours does less")
	flag.Parse()
	if err := run(os.Stdout, *rounds, *idle, *gate); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, rounds int, idle time.Duration, gate bool) error {
	compared := contenders()
	if gate {
		compared = compared[:2]
	}
	printHead(w, "concurrency, handler, queues", compared)
	var slow []error
	judged := 0
	for _, r := range rows() {
		results, err := inTurns(compared, r, rounds)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "| %s", r)
		for _, of := range results {
			share, busy := median(of, result.share), median(of, result.busy)
			requests, cpu := median(of, result.requests), median(of, result.cpu)
			fmt.Fprintf(w, " | %.0f %% (%.0f %%), %.2f, %.0f", 100*share, 100*busy, requests, cpu)
		}
		fmt.Fprintln(w, " |")
		if median(results[1], result.share) < judgedShare {
			continue
		}
		judged++
		if ratio := medianRatio(results[0], results[1]); ratio < gateShare {
			slow = append(slow, fmt.Errorf("%s: %.2f of the loop by hand, less than %.2f", r, ratio, gateShare))
		}
	}
	fmt.Fprintln(w, "\nShare of ideal (of the time in which slots ran handlers), requests a task for receive "+
		"and delete, and µs of processor time a task, server included.")
	if idle > 0 {
		if err := printIdle(w, compared, idle); err != nil {
			return err
		}
	}
	switch {
	case !gate:
		return nil
	case judged == 0:
		return errors.New("the machine is too busy: the loop by hand reaches no row")
	}
	fmt.Fprintf(w, "%d rows of %d judged\n", judged, len(rows()))
	return errors.Join(slow...)
}

// inTurns measures a row so many times with each contender. Another one begins in each
// round.
func inTurns(compared []contender, r row, rounds int) ([][]result, error) {
	results := make([][]result, len(compared))
	for round := range rounds {
		for turn := range compared {
			i := (round + turn) % len(compared)
			one, err := measure(compared[i], r)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", compared[i].name, r, err)
			}
			results[i] = append(results[i], one)
		}
	}
	return results, nil
}

func printIdle(w io.Writer, compared []contender, d time.Duration) error {
	counts, err := countIdle(compared, d)
	if err != nil {
		return err
	}
	fmt.Fprintln(w)
	printHead(w, "idle", compared)
	fmt.Fprint(w, "| requests an hour, four queues")
	for _, n := range counts {
		fmt.Fprintf(w, " | %.0f", n)
	}
	fmt.Fprintln(w, " |")
	return nil
}

func printHead(w io.Writer, first string, compared []contender) {
	fmt.Fprint(w, "| ", first)
	for _, c := range compared {
		fmt.Fprint(w, " | ", c.title)
	}
	fmt.Fprintf(w, " |\n|---%s|\n", strings.Repeat("|---:", len(compared)))
}

func median[T any](of []T, value func(T) float64) float64 {
	values := make([]float64, len(of))
	for i, v := range of {
		values[i] = value(v)
	}
	slices.SortFunc(values, cmp.Compare[float64])
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}

// medianRatio is the median of the ratios of ours to the other's within the rounds.
func medianRatio(ours, other []result) float64 {
	rounds := make([]int, len(ours))
	for i := range rounds {
		rounds[i] = i
	}
	return median(rounds, func(i int) float64 { return ours[i].share() / other[i].share() })
}
