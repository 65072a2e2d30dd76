package sqsx

import (
	"fmt"
	"slices"
	"strings"
)

// CheckReport is what [Check] has found.
type CheckReport struct {
	// Findings are sorted: the worst first, then by priority.
	Findings []Finding
}

// OK reports that there is neither an error nor a warning.
func (r CheckReport) OK() bool {
	return r.Count(SeverityError)+r.Count(SeverityWarning) == 0
}

// Count is how many findings of that severity there are.
func (r CheckReport) Count(severity Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == severity {
			n++
		}
	}
	return n
}

// Of returns the findings of a code.
func (r CheckReport) Of(code string) []Finding {
	return slices.DeleteFunc(slices.Clone(r.Findings), func(f Finding) bool { return f.Code != code })
}

// String writes a line for each finding, and one that counts them.
func (r CheckReport) String() string {
	var text strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintln(&text, f)
	}
	fmt.Fprintf(&text, "errors: %d, warnings: %d, infos: %d\n",
		r.Count(SeverityError), r.Count(SeverityWarning), r.Count(SeverityInfo))
	return text.String()
}
