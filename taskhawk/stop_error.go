package taskhawk

import (
	"fmt"
	"strings"
)

// StopError is the error of a [Worker.Run] that had to leave something behind: handlers that ignored the end of their
// context, or calls to the queue that did not return. Their messages are delivered again.
type StopError struct {
	// Tasks are the names of the tasks whose handlers were still running, one entry for each.
	Tasks []string
	// Settling counts the tasks whose handlers had returned and whose messages were still being settled.
	Settling int
}

// Error names the tasks.
func (e *StopError) Error() string {
	return fmt.Sprintf("taskhawk: stopped with %d handlers still running [%s] and %d messages not settled",
		len(e.Tasks), strings.Join(e.Tasks, " "), e.Settling)
}
