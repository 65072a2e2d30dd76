package taskhawk

import (
	"errors"
	"fmt"
	"time"
)

// The defaults of [WorkerConfig].
const (
	DefaultConcurrency = 10
	DefaultGracePeriod = 25 * time.Second
	defaultFirstRetry  = 5 * time.Second
	defaultLastRetry   = 15 * time.Minute
)

// WorkerConfig tunes a [Worker]. The zero value is a good default.
type WorkerConfig struct {
	// Concurrency is how many handlers may run at once, over all queues. Default 10.
	Concurrency int
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
	case c.GracePeriod < 0:
		return c, errors.New("negative GracePeriod")
	}
	if c.Concurrency == 0 {
		c.Concurrency = DefaultConcurrency
	}
	if c.GracePeriod == 0 {
		c.GracePeriod = DefaultGracePeriod
	}
	if c.Backoff == nil {
		c.Backoff = ExponentialBackoff(defaultFirstRetry, defaultLastRetry)
	}
	return c, nil
}
