package lambdax

import "github.com/taskhawk/taskhawk-go/taskhawk"

// record is one message of an event on its way through the hub.
type record struct {
	delivery taskhawk.Delivery
	ordered  bool // of a FIFO queue: one after another within its group
	state    state
	err      error // why it is not done, when it is over
}

// state is how far a record is.
type state uint8

const (
	waiting state = iota
	running
	over
)
