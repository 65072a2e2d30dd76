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
	return func(attempt int) time.Duration { return jitter(doubled(first, limit, attempt), 2) }
}

// delay survives a panic of the function, and a negative result; nil is the default of a [WorkerConfig].
func (b Backoff) delay(attempt int) (delay time.Duration) {
	if b == nil {
		b = ExponentialBackoff(defaultFirstRetry, defaultLastRetry)
	}
	defer func() {
		if recover() != nil {
			delay = defaultLastRetry
		}
	}()
	return max(b(attempt), 0)
}

// doubled is first, doubled for every attempt after the first one, up to limit.
func doubled(first, limit time.Duration, attempt int) time.Duration {
	delay := min(first, limit)
	for ; attempt > 1 && delay < limit; attempt-- {
		delay = min(2*delay, limit)
	}
	return delay
}

// jitter returns a random duration in the last of so many equal parts of d.
func jitter(d time.Duration, parts int64) time.Duration {
	if d <= 1 {
		return d
	}
	return d - rand.N(d/time.Duration(parts)+1)
}
