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
// name. Optional parameters that are zero are left out. An error is an [*Error]; Append
// then returns dst with its old length, but may have written bytes beyond it. v must not
// be nil, and Append does not keep it.
func (c *Codec[T]) Append(dst []byte, v *T) ([]byte, error) {
	return c.sig.append(dst, placeAt(v), c.sig.leading)
}

// AppendKeyword is [Codec.Append] with all arguments in kwargs and args empty, for
// readers that know no positions.
func (c *Codec[T]) AppendKeyword(dst []byte, v *T) ([]byte, error) {
	return c.sig.append(dst, placeAt(v), 0)
}

// Decode binds args, the text of a JSON array, and kwargs, the text of a JSON object, to
// *v, as Python binds a call. An empty text, or null, means no arguments. Decode
// overwrites all of *v: parameters that are not given are zero. It checks both texts to
// the end. An error is an [*Error]; the content of *v is then unspecified.
//
// Strings in *v may be substrings of args and kwargs. They take no memory, but each of
// them keeps the whole text alive; [strings.Clone] detaches one. Byte slices and
// json.RawMessage are always copies.
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

// Signature has the parameters of a task in the order of declaration, [Rest] last.
// Programs that call the task must agree on it.
type Signature []Param

// Signature is [Codec.Params] as a named type. The slice is the caller's.
func (c *Codec[T]) Signature() Signature { return c.sig.list() }
