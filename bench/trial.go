package bench

import (
	"errors"
	"runtime"
	"syscall"
	"time"
)

// Trial is long work, such as thousands of messages over a connection: a run of it is a
// sample by itself. It needs things made ready before, and cleared away after it, which
// are not measured.
type Trial struct {
	// Ready prepares a run.
	Ready func() error
	// Run does the work once.
	Run func() error
	// Done clears away what Ready and Run left. It is called also when they failed.
	Done func() error
	// Units is how many units of work a run has; a sample is about one of them.
	Units int
}

// TrialsInTurns runs all trials in turns, each once in each round, and the one that
// begins changes from round to round. It returns, for each, a sample of every round.
func TrialsInTurns(trials []Trial, rounds int) ([][]Sample, error) {
	held := make([]byte, ballast)
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

func (t *Trial) measure() (sample Sample, err error) {
	defer func() { err = errors.Join(err, t.Done()) }()
	if err := t.Ready(); err != nil {
		return Sample{}, err
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, start := processorTime(), time.Now()
	if err := t.Run(); err != nil {
		return Sample{}, err
	}
	took, cpu := time.Since(start), processorTime()-cpu
	runtime.ReadMemStats(&after)
	units := float64(t.Units)
	return Sample{
		Runs: t.Units, Time: float64(took) / units, CPU: float64(cpu) / units,
		Bytes:  float64(after.TotalAlloc-before.TotalAlloc) / units,
		Allocs: float64(after.Mallocs-before.Mallocs) / units,
	}, nil
}

// processorTime is what all threads of this process have used by now.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// Cheaper returns how many times less processor time ours took than other: the median
// over the rounds, of which both must have as many.
func Cheaper(ours, other []Sample) float64 {
	return medianRatio(ours, other, func(s Sample) float64 { return s.CPU })
}
