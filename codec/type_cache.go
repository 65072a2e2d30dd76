package codec

import (
	"reflect"
	"sync"
)

// What was compiled, for the life of the program: by argument struct its *signature, and by type that turned up in an interface its encoder.
var (
	signatures      sync.Map
	dynamicEncoders sync.Map
)

// cached returns what a cache has for a type.
func cached[V any](cache *sync.Map, t reflect.Type) (V, bool) {
	x, _ := cache.Load(t)
	v, ok := x.(V)
	return v, ok
}

// store stores v unless another goroutine was first, and returns what is stored.
func store[V any](cache *sync.Map, t reflect.Type, v V) V {
	x, _ := cache.LoadOrStore(t, v)
	v, _ = x.(V)
	return v
}
