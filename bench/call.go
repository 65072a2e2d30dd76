package bench

// Call is one dispatch or delivery as a whole, by the public interface of a library, up
// to where the network would begin.
type Call struct {
	// Name is the name in the output of the benchmarks, such as "dispatch/small" or
	// "handle/small/validated".
	Name string
	// Title is the name for readers.
	Title string
	// Run does it once.
	Run func() error
}

// Calls returns those of this library and of its peers.
func Calls() ([]Call, error) {
	var calls []Call
	for _, list := range []func() ([]Call, error){dispatches, deliveries, asynqCalls, riverCalls} {
		more, err := list()
		if err != nil {
			return nil, err
		}
		calls = append(calls, more...)
	}
	return calls, nil
}
