package fixture

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"
)

var (
	_ io.Reader = (*reader)(nil)

	ErrClosed  = errors.New("closed")
	errWrapped = fmt.Errorf("wrapped: %w", ErrClosed)

	plans    sync.Map
	buffers  = sync.Pool{New: func() any { return new(int) }}
	byteType = reflect.TypeFor[byte]()
	intType  = reflect.TypeOf(0)
	weights  = [...]int{8, 4, 2, 1}
	table    [256]bool
	answer   = sync.OnceValue(func() int { return 42 })
)

var counter int // want

var (
	names     = map[string]int{}       // want
	steps     = []int{1, 2}            // want
	ErrNumber = 3                      // want
	mutex     sync.Mutex               // want
	mistake   = errors.New("misnamed") // want
)

type reader struct{}

func (*reader) Read([]byte) (int, error) { return 0, errWrapped }
