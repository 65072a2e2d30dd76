// Package fixture has a comment.
package fixture

// Documented has one too.
type Documented struct {
	// Above is documented.
	Above int
	After int // After is documented.
	/* want */ Bare int
	inner           int
}

// Method is documented.
func (d *Documented) Method() { d.inner++ }

// Levels share one comment.
const (
	Low  = iota
	High = 9
)

// Spoken has a documented method.
type Spoken interface {
	// Speak is documented.
	Speak()
}

type unexported struct{ Field int }

func (unexported) Exported() {}
