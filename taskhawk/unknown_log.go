package taskhawk

import (
	"errors"
	"maps"
	"sync"
	"time"
)

// The bounds of what an unknown task may write to the log: one line in so long for each name, and for so many names. More
// names than that share one line.
const (
	unknownLogEvery = time.Second
	unknownLogNames = 256
)

// unknownLog limits the lines about tasks that nothing here can run: a flood of their messages must not become one of lines.
type unknownLog struct {
	mu    sync.Mutex
	lines map[string]*unknownLine // by clipped name; "" for those that found no room
}

// unknownLine is the last line of one name, and how many were left out since.
type unknownLine struct {
	written time.Time
	leftOut int
}

func newUnknownLog() *unknownLog { return &unknownLog{lines: map[string]*unknownLine{}} }

// take reports whether a line about the task may be written now, and how many were left out since the last one.
func (l *unknownLog) take(task string) (leftOut int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	line := l.line(clip(task), now)
	if now.Sub(line.written) < unknownLogEvery {
		line.leftOut++
		return 0, false
	}
	leftOut = line.leftOut
	*line = unknownLine{written: now}
	return leftOut, true
}

func (l *unknownLog) line(name string, now time.Time) *unknownLine {
	if line := l.lines[name]; line != nil {
		return line
	}
	if len(l.lines) >= unknownLogNames {
		maps.DeleteFunc(l.lines, func(_ string, line *unknownLine) bool { return now.Sub(line.written) >= unknownLogEvery })
	}
	if len(l.lines) >= unknownLogNames {
		name = ""
	}
	if l.lines[name] == nil {
		l.lines[name] = &unknownLine{}
	}
	return l.lines[name]
}

// isUnknown reports whether the task of the message was not found, or has no handler here.
func isUnknown(err error) bool { return errors.Is(err, ErrUnknownTask) || errors.Is(err, ErrNoHandler) }
