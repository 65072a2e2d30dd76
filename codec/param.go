package codec

import "reflect"

// ParamKind says how an argument can be given.
type ParamKind int

const (
	// Positional parameters are filled from args in the order of declaration, or by name from kwargs.
	Positional ParamKind = iota
	// KeywordOnly parameters are filled by name from kwargs, as those behind a * in Python.
	KeywordOnly
	// Rest takes the kwargs that are no parameter, as ** in Python.
	Rest
)

// String returns the kind in words.
func (k ParamKind) String() string {
	switch k {
	case KeywordOnly:
		return "keyword-only"
	case Rest:
		return "rest"
	case Positional:
	}
	return "positional"
}

// Param describes one parameter of a signature.
type Param struct {
	Name     string       // as in kwargs; for Rest only a label
	Field    string       // Go path of the field, such as To, or Base.To for one of an embedded struct
	Kind     ParamKind    // how it can be given
	Optional bool         // it may be absent, and is left out when zero; always true for Rest
	Type     reflect.Type // of the field
}

// param is a Param with the means to read and write it.
type param struct {
	Param
	path  fieldPath
	key   memberKey
	blank place    // a zero value, written where an embedded pointer on the way is nil
	zero  zeroTest // of optional ones
	enc   encoder
	dec   decoder
}

// place returns where the parameter's value is in the struct at p.
func (f *param) place(p place) place {
	if at, ok := f.path.find(p); ok {
		return at
	}
	return f.blank
}
