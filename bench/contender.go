package bench

import "fmt"

// Kind says what a contender stands for in the judgement.
type Kind int

// The kinds of contenders.
const (
	// Ours is this library.
	Ours Kind = iota
	// Naive is what one writes without a codec; the goals are multiples of it.
	Naive
	// Rival is what tasks of any type can be built on.
	Rival
	// Typed is a JSON library with types that are written by hand for every task: more
	// than a library for tasks can ask for.
	Typed
	// Part does less than a message.
	Part
	// Limit is the least that any library must do.
	Limit
	// Bare is the AWS SDK called by hand.
	Bare
)

// Contender is one way to write and read whole messages whose arguments are an A. What it
// cannot do is nil.
type Contender[A any] struct {
	// Name is the name in the output of the benchmarks, without spaces and slashes.
	Name string
	// Title is the name for readers.
	Title string
	// Kind is what it stands for.
	Kind Kind
	// Encode returns the message in its own buffer.
	Encode func(m *Message[A]) ([]byte, error)
	// Append appends the message to dst, the buffer of a caller.
	Append func(dst []byte, m *Message[A]) ([]byte, error)
	// Decode reads the message into m, which is zero.
	Decode func(body Body, m *Message[A]) error
	// Foreign is set for another format: it decodes what it wrote itself.
	Foreign bool
	// ArgumentsOnly is set for one that leaves out all but the arguments.
	ArgumentsOnly bool
}

// Contenders returns everybody, ours first.
func Contenders[A, K any](w Workload[A, K]) ([]Contender[A], error) {
	first := ours(w)
	ready, err := first.Encode(&w.Message)
	if err != nil {
		return nil, fmt.Errorf("bench: write %s: %w", w.Name, err)
	}
	return []Contender[A]{
		first,
		naive(w),
		raw(w, standardLibrary()), raw(w, goccyLibrary()), raw(w, sonicLibrary()), streamed(w), older[A](),
		typed(w, standardLibrary()), typed(w, goccyLibrary()), typed(w, sonicLibrary()),
		payload[A](),
		copied[A](ready), scanned[A](), bracketed[A](),
	}, nil
}
