package bench

import "time"

// Overhead is what a call costs for each of its units beside the work itself, as a
// multiple of a reference.
type Overhead struct {
	// Name is the name in the output, such as "lambda/sqs/10".
	Name string
	// Units is how many units of work, such as records, Run and Bare have.
	Units int
	// Run does them as a user of the library has them done.
	Run func() error
	// Bare does nothing but the work itself.
	Bare func() error
	// Reference is what the overhead is measured by.
	Reference func() error
}

// Overheads returns those of this library.
func Overheads() ([]Overhead, error) { return lambdaOverheads() }

// Times returns how many times the reference one unit costs beside the work, from rounds
// in which all three take turns.
func (o *Overhead) Times(rounds int, slice time.Duration) (float64, error) {
	samples, err := InTurns([]func() error{o.Run, o.Bare, o.Reference}, rounds, slice)
	if err != nil {
		return 0, err
	}
	return o.Ratio(samples[0], samples[1], samples[2]), nil
}

// Ratio returns how many times the reference one unit costs, from samples of Run, Bare and
// Reference: the median over the rounds, of which all must have as many.
func (o *Overhead) Ratio(run, bare, reference []Sample) float64 {
	return medianOf(len(run), func(i int) float64 {
		return (run[i].Time - bare[i].Time) / float64(o.Units) / reference[i].Time
	})
}
