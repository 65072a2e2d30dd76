package faults_test

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// peakHeap runs a function and returns how much the heap grew over it at its largest, in bytes. Garbage is collected often, so that
// what is left of it when the heap is largest does not depend on the machine. The test must not be parallel to others.
func peakHeap(run func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	runtime.GC()
	start := heapNow()
	peak, stop, done := start, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(200 * time.Microsecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				peak = max(peak, heapNow())
			case <-stop:
				return
			}
		}
	}()
	run()
	close(stop)
	<-done
	return peak - start
}

func heapNow() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// allocations runs a function and returns how much it allocates, in bytes, collected or not. The test must not be parallel to others.
func allocations(run func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	run()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
