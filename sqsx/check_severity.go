package sqsx

import "fmt"

// Severity says how bad a [Finding] is. Higher is worse.
type Severity uint8

// The severities.
const (
	// SeverityInfo is good to know.
	SeverityInfo Severity = iota
	// SeverityWarning works, until a day on which it does not.
	SeverityWarning
	// SeverityError loses tasks, runs them twice or not at all.
	SeverityError
)

// String returns "info", "warning" or "error".
func (s Severity) String() string {
	switch s {
	case SeverityInfo:
		return "info"
	case SeverityWarning:
		return "warning"
	case SeverityError:
		return "error"
	}
	return fmt.Sprintf("Severity(%d)", uint8(s))
}

// MarshalText returns what String does.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
