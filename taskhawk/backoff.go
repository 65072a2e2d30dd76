package taskhawk

import (
	"math/rand/v2"
	"time"
)

// Backoff returns how long a message waits before its next delivery after the attempt (from 1) that failed.
// It is called concurrently.
type Backoff func(attempt int) time.Duration

// ExponentialBackoff doubles the delay with every attempt, from first up to limit, and spreads it by jitter over the upper
// half of that, so that messages which failed together do not return together.
func ExponentialBackoff(first, limit time.Duration) Backoff {
	return func(attempt int) time.Duration {
		delay := min(first, limit)
		for ; attempt > 1 && delay < limit; attempt-- {
			delay = min(2*delay, limit)
		}
		return jitter(delay)
	}
}

// jitter returns a random duration in the upper half of d.
func jitter(d time.Duration) time.Duration {
	if d <= 1 {
		return d
	}
	return d - rand.N(d/2+1)
}
