package bench

import (
	"runtime"
	"slices"
	"time"
)

// Sample is what one run of some work costs, the mean of many runs in a row.
type Sample struct {
	// Runs is how many runs that were.
	Runs int
	// Time is the time of one, in ns.
	Time float64
	// Bytes is what one allocates.
	Bytes float64
	// Allocs is how often one allocates.
	Allocs float64
	// CPU is the processor time of one over all threads, in ns, the collector's among
	// them: waiting for a processor is no part of it.
	CPU float64
}

// ballast is memory that is never touched but counted as in use, in bytes: as in a
// service with a heap of some size, the collector then runs once in a while and not every
// few hundred messages, which makes short measurements steady.
const ballast = 64 << 20

// InTurns runs all of work in turns, so that whatever else the machine does to caches and
// clock rates slows all of it alike: in each round every one runs for about slice, and
// the one that begins changes from round to round. It returns, for each, a sample of
// every round.
func InTurns(work []func() error, rounds int, slice time.Duration) ([][]Sample, error) {
	held := make([]byte, ballast)
	defer runtime.KeepAlive(held)
	counts := make([]int, len(work))
	for i, run := range work {
		var err error
		if counts[i], err = calibrate(run, slice); err != nil {
			return nil, err
		}
	}
	samples := make([][]Sample, len(work))
	for round := range rounds {
		for turn := range work {
			i := (round + turn) % len(work)
			sample, err := repeat(work[i], counts[i])
			if err != nil {
				return nil, err
			}
			samples[i] = append(samples[i], sample)
		}
	}
	return samples, nil
}

// calibrate returns how many runs take about slice once compiled code, caches and pools
// are there.
func calibrate(run func() error, slice time.Duration) (int, error) {
	for n := 1; ; n *= 2 {
		sample, err := repeat(run, n)
		if err != nil {
			return 0, err
		}
		if took := sample.Time * float64(n); took >= float64(slice)/2 {
			return max(1, int(float64(slice)/sample.Time)), nil
		}
	}
}

// repeat measures n runs. They begin with a heap without the garbage of others, and with
// pools filled again by a few runs before.
func repeat(run func() error, n int) (Sample, error) {
	runtime.GC()
	for range 1 + n/8 {
		if err := run(); err != nil {
			return Sample{}, err
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, start := processorTime(), time.Now()
	for range n {
		if err := run(); err != nil {
			return Sample{}, err
		}
	}
	took, cpu := time.Since(start), processorTime()-cpu
	runtime.ReadMemStats(&after)
	return Sample{
		Runs: n, Time: float64(took) / float64(n), CPU: float64(cpu) / float64(n),
		Bytes:  float64(after.TotalAlloc-before.TotalAlloc) / float64(n),
		Allocs: float64(after.Mallocs-before.Mallocs) / float64(n),
	}, nil
}

// Faster returns how many times faster ours was than other: the median over the rounds,
// of which both must have as many.
func Faster(ours, other []Sample) float64 {
	return medianRatio(ours, other, func(s Sample) float64 { return s.Time })
}

func medianRatio(ours, other []Sample, value func(Sample) float64) float64 {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = value(other[i]) / value(ours[i])
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2]
}
