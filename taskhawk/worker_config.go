package taskhawk

import (
	"fmt"
	"time"
)

// The defaults of [WorkerConfig].
const (
	DefaultConcurrency = 10
	DefaultPrefetch    = 10
	DefaultGracePeriod = 25 * time.Second
	defaultFirstRetry  = 5 * time.Second
	defaultLastRetry   = 15 * time.Minute
)

// WorkerConfig tunes a [Worker]. The zero value is a good default.
type WorkerConfig struct {
	// Concurrency is how many handlers may run at once, over all queues. A handler keeps its place until its message is
	// settled, so that what is in flight stays bounded; give quick tasks more of them. Default 10.
	Concurrency int
	// StrictPriority gives every free slot to the most urgent message that waits. By default messages that wait are served by
	// weight, high 8, default 4, low 2, bulk 1, so that no priority starves; strictly, a busy high queue starves the others.
	StrictPriority bool
	// Prefetch is how many messages of each queue may wait in this worker for a slot, so that requests carry ten of them at a
	// time. It counts only while tasks are quick: no more are fetched than can start within about a second, and at least
	// one, so that priorities can be compared. Default 10; at most Concurrency + Prefetch per queue are in flight.
	Prefetch int
	// AbortPolls cancels the running polls when a stop begins, so that an idle worker stops at once. A message that the
	// service assigns in that moment stays invisible until its visibility timeout, and what the stop gives back is visible a
	// second later. By default polls end by themselves.
	AbortPolls bool
	// GracePeriod is how long a stop waits for running handlers and polls before it cancels them. Default 25 s, which
	// leaves room within the 30 s that Kubernetes and ECS give a container; give those more if tasks take longer.
	GracePeriod time.Duration
	// Backoff is the delay of a retry that did not ask for one by RetryAfter.
	// Default: exponential from 5 s to 15 min, with jitter.
	Backoff Backoff
}

func (c WorkerConfig) withDefaults() (WorkerConfig, error) {
	switch {
	case c.Concurrency < 0:
		return c, fmt.Errorf("negative Concurrency %d", c.Concurrency)
	case c.Prefetch < 0:
		return c, fmt.Errorf("negative Prefetch %d", c.Prefetch)
	case c.GracePeriod < 0:
		return c, fmt.Errorf("negative GracePeriod %s", c.GracePeriod)
	}
	if c.Concurrency == 0 {
		c.Concurrency = DefaultConcurrency
	}
	if c.Prefetch == 0 {
		c.Prefetch = DefaultPrefetch
	}
	if c.GracePeriod == 0 {
		c.GracePeriod = DefaultGracePeriod
	}
	return c, nil
}
