package codec

import "reflect"

// TypeError reports a struct that cannot be a signature: a mistake in the program, found by [Of] before any message is read or written.
type TypeError struct {
	Type   reflect.Type // the argument struct
	Field  string       // Go path of the field at fault, such as Order.Items.Price; empty if it is the type as a whole
	Reason string       // what is wrong with it
}

// Error returns the Go type, the field and the reason.
func (e *TypeError) Error() string {
	name := "nil"
	if e.Type != nil {
		name = e.Type.String()
	}
	if e.Field != "" {
		name += "." + e.Field
	}
	return "codec: " + name + ": " + e.Reason
}
