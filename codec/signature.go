package codec

import (
	"reflect"
	"slices"
)

// maxParams is how many parameters a struct may have; more than that is a data structure, which belongs in one parameter.
const maxParams = 256

// signature is the compiled plan of one argument struct.
type signature struct {
	typ        reflect.Type
	params     []param        // in order of declaration, without rest
	leading    int            // how many of params, from the first on, go to args
	positional []int          // indexes of the params that args can fill, in order
	byName     map[string]int // indexes into params
	rest       *restParam     // nil if there is none
	walks      walkPool
}

// signatureOf returns the plan of struct type t, compiling it the first time.
func signatureOf(t reflect.Type) (*signature, error) {
	if sig, ok := cached[*signature](&signatures, t); ok {
		return sig, nil
	}
	sig, err := newBuilder(t).signature()
	if err != nil {
		return nil, err
	}
	return store(&signatures, t, sig), nil
}

// signature compiles the root type.
func (b *builder) signature() (*signature, *TypeError) {
	if b.root.Kind() != reflect.Struct {
		return nil, b.fail("is not a struct")
	}
	fields, err := b.paramFields()
	if err != nil {
		return nil, err
	}
	sig := &signature{typ: b.root, byName: map[string]int{}}
	for i, f := range fields {
		err := b.within(f.goes, func() *TypeError { return b.addParam(sig, f, i == len(fields)-1) })
		if err != nil {
			return nil, err
		}
	}
	sig.leading = sig.countLeading()
	return sig, nil
}

// paramFields lists the fields that are parameters. A field hides those of its name that are embedded deeper, as in Go;
// two at the same depth are refused, where encoding/json would drop both in silence.
func (b *builder) paramFields() ([]scanned, *TypeError) {
	found, err := scanFields(b.root, b.paramLabel)
	if err != nil {
		return nil, err
	}
	var fields []scanned
	for _, f := range found {
		i := slices.IndexFunc(fields, func(other scanned) bool { return other.name == f.name })
		switch {
		case i < 0:
			fields = append(fields, f)
		case len(fields[i].index) == len(f.index):
			return nil, &TypeError{Type: b.root, Field: f.goes, Reason: "parameter name " + f.name + " is taken by " + fields[i].goes}
		}
	}
	if len(fields) > maxParams {
		return nil, b.fail("has more than 256 parameters")
	}
	slices.SortFunc(fields, byDeclaration)
	return fields, nil
}

// addParam compiles one parameter.
func (b *builder) addParam(sig *signature, f scanned, last bool) *TypeError {
	p := param{
		Param: Param{Name: f.name, Field: f.goes, Kind: f.kind, Optional: f.optional, Type: f.field.Type},
		path:  pathOf(b.root, f.index),
		key:   newMemberKey(f.name),
		blank: placeOf(reflect.New(f.field.Type).Elem()),
	}
	if p.Kind == Rest {
		return b.addRest(sig, p, last)
	}
	var err *TypeError
	if p.enc, err = b.encoder(p.Type, true); err != nil {
		return err
	}
	if p.dec, err = b.decoder(p.Type, true); err != nil {
		return err
	}
	if p.Optional {
		p.zero = zeroTestOf(p.Type)
	}
	if p.Kind == Positional {
		sig.positional = append(sig.positional, len(sig.params))
	}
	sig.byName[p.Name] = len(sig.params)
	sig.params = append(sig.params, p)
	return nil
}

// countLeading counts the parameters before the first that is optional or keyword-only.
func (sig *signature) countLeading() int {
	for i := range sig.params {
		if sig.params[i].Optional || sig.params[i].Kind != Positional {
			return i
		}
	}
	return len(sig.params)
}

// list returns the parameters for the outside.
func (sig *signature) list() []Param {
	var params []Param
	for i := range sig.params {
		params = append(params, sig.params[i].Param)
	}
	if sig.rest != nil {
		params = append(params, sig.rest.Param)
	}
	return params
}
