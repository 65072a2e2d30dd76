package codec

import (
	"reflect"
	"sync"
)

// typeCache keeps what was compiled for each type, for the life of the program. The zero value is empty and ready to use.
type typeCache[V any] struct{ byType sync.Map }

func (c *typeCache[V]) get(t reflect.Type) (V, bool) {
	cached, ok := c.byType.Load(t)
	v, _ := cached.(V)
	return v, ok
}

// put stores v unless another goroutine was first, and returns what is stored.
func (c *typeCache[V]) put(t reflect.Type, v V) V {
	cached, _ := c.byType.LoadOrStore(t, v)
	v, _ = cached.(V)
	return v
}
