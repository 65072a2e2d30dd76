package awsbatch

import (
	"sync/atomic"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Count counts the requests of one kind. It is safe for concurrent use.
type Count struct{ calls, messages atomic.Int64 }

// Add counts a request with a number of messages.
func (c *Count) Add(messages int) {
	c.calls.Add(1)
	c.messages.Add(int64(messages))
}

// Requests returns the counts so far.
func (c *Count) Requests() taskhawk.Requests {
	return taskhawk.Requests{Calls: c.calls.Load(), Messages: c.messages.Load()}
}
