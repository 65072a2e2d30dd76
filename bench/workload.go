package bench

// Workload is one message with arguments A, of which the keyword arguments are a K.
//
// The contenders that do not know positions and keywords get them split by hand, as a
// program would that writes a type for every message: that is the fastest way to use a
// JSON library, and more than a generic one could do with it.
type Workload[A, K any] struct {
	// Name is "small", "medium" or "large".
	Name string
	// Message is the message.
	Message Message[A]
	// Positional returns pointers to the arguments that go into args.
	Positional func(a *A) []any
	// Keyword returns the others.
	Keyword func(a *A) K
	// SetKeyword puts the others back.
	SetKeyword func(a *A, k *K)
}
