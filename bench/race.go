package bench

import (
	"runtime"
	"time"
)

// ballast is memory that is never touched but counted as in use, in bytes: as in a service with a heap of some size, the collector then
// runs once in a while and not every few hundred messages, which makes short measurements steady.
const ballast = 64 << 20

// Race runs all of work in turns, so that whatever else the machine does slows all of it alike: in each round every one runs for about slice,
// and the one that begins changes from round to round. It returns, for each, the time of one run in every round.
func Race(work []func() error, rounds int, slice time.Duration) ([][]time.Duration, error) {
	held := make([]byte, ballast)
	defer runtime.KeepAlive(held)
	counts := make([]int, len(work))
	for i, run := range work {
		var err error
		if counts[i], err = calibrate(run, slice); err != nil {
			return nil, err
		}
	}
	times := make([][]time.Duration, len(work))
	for round := range rounds {
		for turn := range work {
			i := (round + turn) % len(work)
			took, err := repeat(work[i], counts[i])
			if err != nil {
				return nil, err
			}
			times[i] = append(times[i], took/time.Duration(counts[i]))
		}
	}
	return times, nil
}

// calibrate returns how many runs take about slice once compiled code, caches and pools are there.
func calibrate(run func() error, slice time.Duration) (int, error) {
	for n := 1; ; n *= 2 {
		took, err := repeat(run, n)
		if err != nil {
			return 0, err
		}
		if took >= slice/2 {
			return max(1, int(int64(n)*int64(slice)/int64(took))), nil
		}
	}
}

// repeat returns the time of n runs. They begin with a heap without the garbage of others, and with pools filled again by a few runs before.
func repeat(run func() error, n int) (time.Duration, error) {
	runtime.GC()
	for range 1 + n/8 {
		if err := run(); err != nil {
			return 0, err
		}
	}
	start := time.Now()
	for range n {
		if err := run(); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}
