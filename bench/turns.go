package bench

import (
	"errors"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// Sample is what one unit of some work costs, the mean of a run.
type Sample struct {
	// Time is the time of it, in ns.
	Time float64
	// CPU is the processor time over all threads, in ns, the collector's among them.
	// Waiting for a processor is no part of it.
	CPU float64
}

// Trial is work that is measured one run at a time. It needs things made ready before,
// and cleared away after it, which are not measured.
type Trial struct {
	// Ready prepares a run, and collects the garbage of earlier ones.
	Ready func() error
	// Run does the work once.
	Run func() error
	// Done clears away what Ready and Run left. It is called also when they failed.
	Done func() error
	// Units is how many units of work a run has; a sample is about one of them.
	Units int
}

// Ballast is memory that is never touched but counted as in use, in bytes: as in a
// service with a heap of some size, the collector then runs once in a while and not every
// few hundred messages, which makes short measurements steady.
const Ballast = 64 << 20

// TrialsInTurns runs all trials in turns, so that whatever else the machine does to caches
// and clock rates slows all of them alike: in each round every one runs once, and the one
// that begins changes from round to round. It returns, for each, a sample of every round.
func TrialsInTurns(trials []Trial, rounds int) ([][]Sample, error) {
	held := make([]byte, Ballast)
	defer runtime.KeepAlive(held)
	samples := make([][]Sample, len(trials))
	for round := range rounds {
		for turn := range trials {
			i := (round + turn) % len(trials)
			sample, err := trials[i].measure()
			if err != nil {
				return nil, err
			}
			samples[i] = append(samples[i], sample)
		}
	}
	return samples, nil
}

// InTurns is TrialsInTurns of short work: in each round every one is repeated for about
// slice.
func InTurns(work []func() error, rounds int, slice time.Duration) ([][]Sample, error) {
	trials := make([]Trial, len(work))
	for i, run := range work {
		var err error
		if trials[i], err = calibrated(run, slice); err != nil {
			return nil, err
		}
	}
	return TrialsInTurns(trials, rounds)
}

func (t *Trial) measure() (sample Sample, err error) {
	defer func() { err = errors.Join(err, t.Done()) }()
	if err := t.Ready(); err != nil {
		return Sample{}, err
	}
	cpu, start := ProcessorTime(), time.Now()
	if err := t.Run(); err != nil {
		return Sample{}, err
	}
	took, units := time.Since(start), float64(t.Units)
	return Sample{Time: float64(took) / units, CPU: float64(ProcessorTime()-cpu) / units}, nil
}

// calibrated returns a trial with as many runs as take about slice once compiled code,
// caches and pools are there.
func calibrated(run func() error, slice time.Duration) (Trial, error) {
	for n := 1; ; n *= 2 {
		trial := repeated(run, n)
		sample, err := trial.measure()
		if err != nil {
			return Trial{}, err
		}
		if took := sample.Time * float64(n); took >= float64(slice)/2 {
			return repeated(run, max(1, int(float64(slice)/sample.Time))), nil
		}
	}
}

// repeated is a trial of n runs. They begin without the garbage of others, and with pools
// filled again by a few runs before.
func repeated(run func() error, n int) Trial {
	times := func(n int) error {
		for range n {
			if err := run(); err != nil {
				return err
			}
		}
		return nil
	}
	return Trial{
		Ready: func() error {
			runtime.GC()
			return times(1 + n/8)
		},
		Run:   func() error { return times(n) },
		Done:  func() error { return nil },
		Units: n,
	}
}

// ProcessorTime is what all threads of this process have used so far.
func ProcessorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// Faster returns how many times faster ours was than other: the median over the rounds,
// of which both must have as many.
func Faster(ours, other []Sample) float64 {
	return medianOf(len(ours), func(i int) float64 { return other[i].Time / ours[i].Time })
}

// Cheaper is Faster by processor time.
func Cheaper(ours, other []Sample) float64 {
	return medianOf(len(ours), func(i int) float64 { return other[i].CPU / ours[i].CPU })
}

// MedianTime returns the median time of samples, in ns.
func MedianTime(samples []Sample) float64 {
	return medianOf(len(samples), func(i int) float64 { return samples[i].Time })
}

// MedianCPU returns the median processor time of samples, in ns.
func MedianCPU(samples []Sample) float64 {
	return medianOf(len(samples), func(i int) float64 { return samples[i].CPU })
}

func medianOf(n int, value func(i int) float64) float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = value(i)
	}
	slices.Sort(values)
	return values[n/2]
}
