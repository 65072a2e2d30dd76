package taskhawk

import (
	"fmt"
	"maps"
	"slices"
)

// BatchError is the error of a DispatchAll of which some entries failed.
type BatchError struct {
	// Task is the name of the task.
	Task string
	// Total is how many entries there were.
	Total int
	// Failed has the error of each entry that failed, by its index in the slice given to DispatchAll.
	Failed map[int]error
}

// Error counts the failed entries and shows the first.
func (e *BatchError) Error() string {
	first := slices.Min(slices.Collect(maps.Keys(e.Failed)))
	return fmt.Sprintf("taskhawk: dispatch %s: %d of %d failed, first [%d]: %v",
		e.Task, len(e.Failed), e.Total, first, e.Failed[first])
}

// Unwrap returns the errors of the entries in index order, for errors.Is and errors.As.
func (e *BatchError) Unwrap() []error {
	errs := make([]error, 0, len(e.Failed))
	for _, i := range slices.Sorted(maps.Keys(e.Failed)) {
		errs = append(errs, e.Failed[i])
	}
	return errs
}
