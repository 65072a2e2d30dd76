//go:build !purego

package codec

import (
	"reflect"
	"time"
	"unsafe"
)

// place is where a value lives in memory. The plan knows its type, so that reading a
// field is an addition and reading a string is a load. Through package reflect the same
// costs a call each: 20 to 40 percent of the time of a whole message (BenchmarkAppend and
// BenchmarkDecode with and without -tags purego). The tag swaps this file, the only one
// with unsafe, for place_purego.go; the same tests hold for both.
//
// A place always points into memory that a Go pointer of the right type points at: a
// caller's *T, or what package reflect allocated.
type place struct{ p unsafe.Pointer }

// offset is where a field lies within its struct.
type offset uintptr

// sliceHeader is the layout of every slice.
type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}

// placeAt returns the place of *v.
func placeAt[T any](v *T) place { return place{unsafe.Pointer(v)} } //nolint:gosec // see place

// placeOf returns the place of an addressable value.
func placeOf(v reflect.Value) place { return place{v.Addr().UnsafePointer()} }

// offsetOf returns the offset of the field of struct type t at index, a path without
// pointers.
func offsetOf(t reflect.Type, index []int) offset {
	var sum uintptr
	for _, i := range index {
		f := t.Field(i)
		sum += f.Offset
		t = f.Type
	}
	return offset(sum)
}

// value returns the place of a value of type t for package reflect, addressable and
// settable.
func (p place) value(t reflect.Type) reflect.Value { return reflect.NewAt(t, p.p).Elem() }

func (p place) field(o offset) place { return place{unsafe.Add(p.p, uintptr(o))} }

func (p place) str() string     { return *(*string)(p.p) }
func (p place) setStr(s string) { *(*string)(p.p) = s }
func (p place) boolean() bool   { return *(*bool)(p.p) }
func (p place) setBool(b bool)  { *(*bool)(p.p) = b }

func (p place) bytes() []byte     { return *(*[]byte)(p.p) }
func (p place) setBytes(b []byte) { *(*[]byte)(p.p) = b }

func (p place) time() *time.Time              { return (*time.Time)(p.p) }
func (p place) stringMap() *map[string]string { return (*map[string]string)(p.p) }

// integer reads a signed integer of size bytes.
func (p place) integer(size uintptr) int64 {
	switch size {
	case 8:
		return *(*int64)(p.p)
	case 4:
		return int64(*(*int32)(p.p))
	case 2:
		return int64(*(*int16)(p.p))
	}
	return int64(*(*int8)(p.p))
}

// unsigned reads an unsigned integer of size bytes.
func (p place) unsigned(size uintptr) uint64 {
	switch size {
	case 8:
		return *(*uint64)(p.p)
	case 4:
		return uint64(*(*uint32)(p.p))
	case 2:
		return uint64(*(*uint16)(p.p))
	}
	return uint64(*(*uint8)(p.p))
}

// setInteger stores a signed integer that fits size bytes.
func (p place) setInteger(size uintptr, x int64) { p.setUnsigned(size, uint64(x)) }

// setUnsigned stores an unsigned integer that fits size bytes.
func (p place) setUnsigned(size uintptr, x uint64) {
	switch size {
	case 8:
		*(*uint64)(p.p) = x
	case 4:
		*(*uint32)(p.p) = uint32(x)
	case 2:
		*(*uint16)(p.p) = uint16(x)
	default:
		*(*uint8)(p.p) = uint8(x)
	}
}

// float reads a float of size bytes.
func (p place) float(size uintptr) float64 {
	if size == 4 {
		return float64(*(*float32)(p.p))
	}
	return *(*float64)(p.p)
}

// setFloat stores a float of size bytes.
func (p place) setFloat(size uintptr, f float64) {
	if size == 4 {
		*(*float32)(p.p) = float32(f)
		return
	}
	*(*float64)(p.p) = f
}

// target follows a pointer; ok is false if it is nil.
func (p place) target() (to place, ok bool) {
	to.p = *(*unsafe.Pointer)(p.p)
	return to, to.p != nil
}

// allocate follows a pointer to elem, setting it to a new zero value if it is nil.
func (p place) allocate(elem reflect.Type) place {
	if to, ok := p.target(); ok {
		return to
	}
	to := reflect.New(elem).UnsafePointer()
	*(*unsafe.Pointer)(p.p) = to
	return place{to}
}

// identity tells references apart: the address that a pointer, map or slice holds.
func (p place) identity() uintptr { return *(*uintptr)(p.p) }

func (p place) sliceLen() int { return (*sliceHeader)(p.p).len }
func (p place) sliceCap() int { return (*sliceHeader)(p.p).cap }
func (p place) isNil() bool   { return *(*unsafe.Pointer)(p.p) == nil }

// setSliceLen changes the length of a slice within its capacity.
func (p place) setSliceLen(n int) { (*sliceHeader)(p.p).len = n }

// sliceIndex returns the place of the i-th element of a slice whose elements have size
// bytes.
func (p place) sliceIndex(i int, size uintptr) place {
	return place{unsafe.Add((*sliceHeader)(p.p).data, uintptr(i)*size)}
}

// arrayIndex returns the place of the i-th element of an array whose elements have size
// bytes.
func (p place) arrayIndex(i int, size uintptr) place {
	return place{unsafe.Add(p.p, uintptr(i)*size)}
}

// setEmpty stores a value of type any.
func (p place) setEmpty(x any) { *(*any)(p.p) = x }
