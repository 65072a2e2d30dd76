package lambdatest

import "time"

// SetTerminationGrace changes how long Shutdown waits for the process after SIGTERM.
func (f *Function) SetTerminationGrace(grace time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.current.grace = grace
}
