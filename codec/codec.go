package codec

import "reflect"

// Codec turns values of the argument struct T into the args and kwargs of a task message
// and back. It is safe for concurrent use.
type Codec[T any] struct{ sig *signature }

// Of returns the codec of struct type T. The plan is compiled once per type and cached
// for the life of the program. The error is a [*TypeError]: T is not a struct, or one of
// its fields cannot be a parameter.
func Of[T any]() (*Codec[T], error) {
	sig, err := signatureOf(reflect.TypeFor[T]())
	if err != nil {
		return nil, err
	}
	return &Codec[T]{sig: sig}, nil
}

// Append appends the two members
//
//	"args":[...],"kwargs":{...}
//
// without braces around them, to dst, and returns the extended slice. The leading
// parameters that are required and not keyword-only go to args, all others to kwargs by
// name. Optional ones that are zero are left out. An error is an [*Error]; dst then comes
// back with its length unchanged, though bytes beyond it may have been written. v must
// not be nil and is not kept.
func (c *Codec[T]) Append(dst []byte, v *T) ([]byte, error) {
	return c.sig.append(dst, placeAt(v), c.sig.leading)
}

// AppendKeyword is [Codec.Append] with all arguments in kwargs and args empty, for
// readers that know no positions.
func (c *Codec[T]) AppendKeyword(dst []byte, v *T) ([]byte, error) {
	return c.sig.append(dst, placeAt(v), 0)
}

// Decode binds args, the text of a JSON array, and kwargs, the text of a JSON object, to
// *v, as Python binds a call; an empty text, or null, is no arguments. It overwrites all
// of *v: parameters that are not given are zero. It checks all of both texts. An error is
// an [*Error], and what *v then holds is not specified.
//
// Strings in *v may be substrings of args and kwargs, which costs no memory of their own
// but keeps the whole text alive as long as one of them; [strings.Clone] detaches one.
// Byte slices and json.RawMessage are always copies.
func (c *Codec[T]) Decode(args, kwargs string, v *T) error {
	var zero T
	*v = zero
	if err := c.sig.bind(args, kwargs, placeAt(v)); err != nil {
		return err.settled()
	}
	return nil
}

// Params lists the parameters in the order of declaration, for documentation and tools.
// The slice is the caller's.
func (c *Codec[T]) Params() []Param { return c.sig.list() }

// Signature is the parameters of a task, in order of declaration, [Rest] last: what other
// programs have to know to call it.
type Signature []Param

// Signature is [Codec.Params] as a named type. The slice is the caller's.
func (c *Codec[T]) Signature() Signature { return c.sig.list() }
