package fixture

import "errors"

var Limit = 3 // Limit is documented, at the end of its line.

var (
	/* want */ Missing = 1

	// Present is documented.
	Present = errors.New("present")
)

const Bare = 2 // Bare is documented as well.

// Several types in one declaration share no comment.
type (
	/* want */ Typed struct{}

	// Other is documented.
	Other[T any] struct {
		/* want */ Value T
	}
)

func Undocumented() {} // want

func (o *Other[T]) Get() T { return o.Value } // want

type Talker interface { // want
	/* want */ Talk()
}
