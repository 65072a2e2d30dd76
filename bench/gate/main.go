// Gate fails when this library is slower, beside others measured in the same minute on
// the same machine, or allocates more than goals.json allows. It measures ours and all
// others in turns, so that a noisy machine decides nothing: only ratios within a round
// count, and of those the median.
//
//	go run ./gate [-goals goals.json] [-rounds 20] [-slice 10ms] [-only codec|lambda|transport]
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gate:", err)
		os.Exit(1)
	}
}

// errGoals is the error of a run that misses a goal.
var errGoals = errors.New("a goal is missed")

func run(arguments []string, out io.Writer) error {
	flags := flag.NewFlagSet("gate", flag.ContinueOnError)
	path := flags.String("goals", "goals.json", "the goals")
	rounds := flags.Int("rounds", 20, "how often everybody runs in turn")
	slice := flags.Duration("slice", 10*time.Millisecond, "for how long each runs in a round")
	only := flags.String("only", "", "codec, lambda or transport; empty for all")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	g, err := readGoals(*path)
	if err != nil {
		return err
	}
	g.choose(*only)
	m, err := measure(g, *rounds, *slice)
	if err != nil {
		return err
	}
	verdicts := judge(g, m)
	if g.Transport != nil {
		m, err := measureTransport()
		if err != nil {
			return err
		}
		verdicts = append(verdicts, judgeTransport(g.Transport, m)...)
	}
	missed := false
	for _, v := range verdicts {
		fmt.Fprintln(out, v)
		missed = missed || !v.met
	}
	if missed {
		return errGoals
	}
	return nil
}
