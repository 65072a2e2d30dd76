//go:build purego

package codec

import (
	"reflect"
	"time"
)

// place is where a value lives in memory: here an addressable value of package reflect.
// place_unsafe.go says why there are two.
type place struct{ v reflect.Value }

// offset is where a field lies within its struct: the index of each step.
type offset []int

// placeAt returns the place of *v.
func placeAt[T any](v *T) place { return place{reflect.ValueOf(v).Elem()} }

// placeOf returns the place of an addressable value.
func placeOf(v reflect.Value) place { return place{v} }

// offsetOf returns the offset of the field of a struct type at index, a path without
// pointers.
func offsetOf(_ reflect.Type, index []int) offset { return index }

// value returns the place of a value for package reflect, addressable and settable.
func (p place) value(reflect.Type) reflect.Value { return p.v }

func (p place) field(o offset) place { return place{p.v.FieldByIndex(o)} }

func (p place) str() string     { return p.v.String() }
func (p place) setStr(s string) { p.v.SetString(s) }
func (p place) boolean() bool   { return p.v.Bool() }
func (p place) setBool(b bool)  { p.v.SetBool(b) }

func (p place) bytes() []byte     { return p.v.Bytes() }
func (p place) setBytes(b []byte) { p.v.SetBytes(b) }

func (p place) time() *time.Time { return p.v.Addr().Interface().(*time.Time) }

func (p place) stringMap() *map[string]string {
	return p.v.Addr().Convert(reflect.TypeFor[*map[string]string]()).Interface().(*map[string]string)
}

// integer reads a signed integer.
func (p place) integer(uintptr) int64 { return p.v.Int() }

// unsigned reads an unsigned integer.
func (p place) unsigned(uintptr) uint64 { return p.v.Uint() }

// setInteger stores a signed integer that fits.
func (p place) setInteger(_ uintptr, x int64) { p.v.SetInt(x) }

// setUnsigned stores an unsigned integer that fits.
func (p place) setUnsigned(_ uintptr, x uint64) { p.v.SetUint(x) }

// float reads a float.
func (p place) float(uintptr) float64 { return p.v.Float() }

// setFloat stores a float.
func (p place) setFloat(_ uintptr, f float64) { p.v.SetFloat(f) }

// target follows a pointer; ok is false if it is nil.
func (p place) target() (to place, ok bool) { return place{p.v.Elem()}, !p.v.IsNil() }

// allocate follows a pointer to elem, setting it to a new zero value if it is nil.
func (p place) allocate(elem reflect.Type) place {
	if p.v.IsNil() {
		p.v.Set(reflect.New(elem))
	}
	return place{p.v.Elem()}
}

// identity tells references apart: the address that a pointer, map or slice holds.
func (p place) identity() uintptr { return p.v.Pointer() }

func (p place) sliceLen() int { return p.v.Len() }
func (p place) sliceCap() int { return p.v.Cap() }
func (p place) isNil() bool   { return p.v.IsNil() }

// setSliceLen changes the length of a slice within its capacity.
func (p place) setSliceLen(n int) { p.v.SetLen(n) }

// sliceIndex returns the place of the i-th element of a slice.
func (p place) sliceIndex(i int, _ uintptr) place { return place{p.v.Index(i)} }

// arrayIndex returns the place of the i-th element of an array.
func (p place) arrayIndex(i int, _ uintptr) place { return place{p.v.Index(i)} }

// setEmpty stores a value of type any.
func (p place) setEmpty(x any) {
	if x == nil {
		p.v.SetZero()
		return
	}
	p.v.Set(reflect.ValueOf(x))
}
