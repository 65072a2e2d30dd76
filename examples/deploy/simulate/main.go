// Command simulate prints a day of load on workers that scale by different rules: the
// backlog, how long the oldest task waited, and the cost. With -svg it writes a plot too.
// A test compares the model with real workers.
//
//	go run ./examples/deploy/simulate -svg day.svg
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
)

func main() {
	svg := flag.String("svg", "", "file for a plot of the backlog")
	flag.Parse()
	var results []result
	for _, p := range policies() {
		results = append(results, run(p, aDay()))
	}
	table(os.Stdout, results)
	if *svg != "" {
		if err := os.WriteFile(*svg, []byte(plot(results)), 0o600); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// table writes the results in Markdown.
func table(out io.Writer, results []result) {
	w := tabwriter.NewWriter(out, 0, 1, 1, ' ', 0)
	fmt.Fprintln(w, "| policy\t| most waiting\t| oldest\t| oldest above 60 s\t"+
		"| worker hours\t| requests\t| dollars a day\t|")
	fmt.Fprintln(w, "| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t|")
	for _, r := range results {
		fmt.Fprintf(w, "| %s\t| %.0f\t| %s\t| %.1f %%\t| %.0f\t| %.2f million\t| %.2f\t|\n",
			r.policy, r.backlog, r.oldest, 100*r.late, r.workHours, r.requests/1e6, r.dollars)
	}
	_ = w.Flush() // of a table of some hundred bytes
}

const (
	width, height = 960, 160 // of the plot of one policy, in pixels
	most          = 20_000   // tasks at the top of a plot
)

// plot draws the backlog of each policy over the day.
func plot(results []result) string {
	var svg strings.Builder
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d"`, width, len(results)*(height+20))
	fmt.Fprintln(&svg, ` font-family="sans-serif" font-size="12">`)
	for i, r := range results {
		top := i*(height+20) + 15
		fmt.Fprintf(&svg, `<text x="4" y="%d">%s: tasks waiting, to %d</text>`+"\n", top-3, r.policy, most)
		fmt.Fprintf(&svg, `<rect x="0" y="%d" width="%d" height="%d"`, top, width, height)
		fmt.Fprintln(&svg, ` fill="none" stroke="silver"/>`)
		fmt.Fprint(&svg, `<polyline fill="none" stroke="steelblue" points="`)
		for m, minute := range r.minutes {
			y := float64(top) + height*(1-min(minute.backlog/most, 1))
			fmt.Fprintf(&svg, "%.1f,%.1f ", float64(m)*width/float64(len(r.minutes)), y)
		}
		fmt.Fprintln(&svg, `"/>`)
	}
	fmt.Fprintln(&svg, "</svg>")
	return svg.String()
}
