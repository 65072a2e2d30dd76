package lambdatest

import (
	"bytes"
	"sync"
)

// Log keeps what a function writes, for Config.Output. The zero value is empty and ready.
// Its methods can be called concurrently, also while the function runs. Text written just
// before an answer may arrive a moment after it, through the pipe of the process; an
// *os.File as Config.Output has it at once.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds text. It never fails.
func (l *Log) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(text)
}

// String returns all text written so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
