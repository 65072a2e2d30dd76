package codec

import (
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// maxParams is how many parameters a struct may have; more than that is a data structure,
// which belongs in one parameter.
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
	if err := b.checkRoot(fields); err != nil {
		return nil, err
	}
	sig := &signature{typ: b.root, byName: map[string]int{}}
	for i, f := range fields {
		err := b.within(f.goPath, func() *TypeError { return b.addParam(sig, f, i == len(fields)-1) })
		if err != nil {
			return nil, err
		}
	}
	if err := b.addAliases(sig); err != nil {
		return nil, err
	}
	sig.leading = sig.countLeading()
	return sig, nil
}

// checkRoot refuses declarations whose values would silently not be sent.
func (b *builder) checkRoot(fields []scanned) *TypeError {
	pointer := reflect.PointerTo(b.root)
	switch {
	case pointer.Implements(marshalerType) || pointer.Implements(textMarshalerType):
		return b.fail("has its own JSON form, which has no parameters: make it a field of a struct")
	case len(fields) == 0 && b.root.NumField() > 0 && b.allHidden():
		return b.fail("has no exported field, so that nothing would be sent: export them, or use struct{}")
	}
	for f := range b.root.Fields() {
		if tag, tagged := f.Tag.Lookup("taskhawk"); tagged && tag != "-" && isHidden(f) {
			return &TypeError{
				Type:   b.root,
				Field:  f.Name,
				Reason: "taskhawk tag on an unexported field, which is not sent: export it",
			}
		}
	}
	return nil
}

func (b *builder) allHidden() bool {
	for f := range b.root.Fields() {
		if !isHidden(f) {
			return false
		}
	}
	return true
}

// addAliases lets each parameter be read by its older names too.
func (b *builder) addAliases(sig *signature) *TypeError {
	for i := range sig.params {
		for _, alias := range sig.params[i].Aliases {
			if other, taken := sig.byName[alias]; taken {
				reason := "taskhawk tag: alias " + alias + " is taken by " + sig.params[other].Field
				return &TypeError{Type: b.root, Field: sig.params[i].Field, Reason: reason}
			}
			sig.byName[alias] = i
		}
	}
	return nil
}

// paramFields lists the fields that are parameters. A field hides others of its name that
// are embedded deeper, as in Go; two at the same depth are refused, where encoding/json
// would drop both in silence.
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
			return nil, &TypeError{
				Type:   b.root,
				Field:  f.goPath,
				Reason: "parameter name " + f.name + " is taken by " + fields[i].goPath,
			}
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
		Param: Param{
			Name:     f.name,
			Field:    f.goPath,
			Kind:     f.kind,
			Optional: f.optional,
			Type:     f.field.Type,
			Struct:   b.root,
			Index:    f.index,
			Aliases:  f.aliases,
		},
		path:  pathOf(b.root, f.index),
		key:   newMemberKey(f.name),
		blank: placeOf(reflect.New(f.field.Type).Elem()),
	}
	if p.Kind == Rest {
		return b.addRest(sig, p, last)
	}
	err := b.checkReadable(p.Type, true)
	if err != nil {
		return err
	}
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

// list returns the parameters for callers outside the package.
func (sig *signature) list() []Param {
	var params []Param
	for i := range sig.params {
		p := sig.params[i].Param
		p.Aliases, p.Index = slices.Clone(p.Aliases), slices.Clone(p.Index)
		params = append(params, p)
	}
	if sig.rest != nil {
		params = append(params, sig.rest.Param)
	}
	return params
}

// omits reports whether the options of a json tag leave a field out.
func omits(options string) bool {
	for option := range strings.SplitSeq(options, ",") {
		if option == "omitempty" || option == "omitzero" {
			return true
		}
	}
	return false
}

// ParamKind is how an argument can be passed.
type ParamKind int

const (
	// Positional parameters are filled from args in the order of declaration, or by name
	// from kwargs.
	Positional ParamKind = iota
	// KeywordOnly parameters are filled by name from kwargs, as those behind a * in
	// Python.
	KeywordOnly
	// Rest takes the kwargs without a parameter, as ** in Python.
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
	Aliases  []string     // older names, that are read and never written
	Field    string       // Go path of the field, such as To, or Base.To for one of an embedded struct
	Kind     ParamKind    // how it can be given
	Optional bool         // it may be absent, and is left out when zero; always true for Rest
	Type     reflect.Type // of the field
	Struct   reflect.Type // the argument struct
	Index    []int        // of the field in it, as in reflect.Type.FieldByIndex
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

// paramLabel reads the tags of one field of an argument struct.
func (b *builder) paramLabel(f reflect.StructField, path string) (label, *TypeError) {
	l, reason := readParamLabel(f)
	if reason != "" {
		return label{}, &TypeError{Type: b.root, Field: path, Reason: reason}
	}
	return l, nil
}

// readParamLabel applies the order of names: the taskhawk tag, the json tag, snake_case
// of the field.
func readParamLabel(f reflect.StructField) (l label, reason string) {
	tag := f.Tag.Get("taskhawk")
	name, options, _ := strings.Cut(tag, ",")
	fallback, jsonOptions, _ := strings.Cut(f.Tag.Get("json"), ",")
	switch {
	case tag == "-", name == "" && f.Tag.Get("json") == "-":
		return label{skip: true}, ""
	case name == "-":
		return l, `taskhawk:"-" takes no options`
	case options == "" && slices.Contains([]string{"kw", "optional", "rest"}, name):
		return l, `taskhawk:"` + name + `" would name the parameter so: write taskhawk:",` + name + `"`
	case name != "" && !isValidName(name):
		return l, "taskhawk tag: invalid parameter name"
	case slices.Contains(strings.Split(jsonOptions, ","), "string") && isQuotable(f.Type):
		return l, `the json option ",string" is not for parameters`
	}
	switch {
	case name != "":
		l.name, l.tagged = name, true
	case isValidName(fallback):
		l.name, l.tagged = fallback, true
	default:
		l.name = snakeCase(f.Name)
	}
	reason = l.readOptions(f, options)
	if reason == "" && omits(jsonOptions) && !l.optional {
		reason = `the json options "omitempty" and "omitzero" have no effect on parameters: use taskhawk:",optional"`
	}
	return l, reason
}

// readOptions reads what follows the name in a taskhawk tag.
func (l *label) readOptions(f reflect.StructField, options string) (reason string) {
	if options == "" {
		return l.checkEmbedded(f, "")
	}
	seen := map[string]bool{}
	for option := range strings.SplitSeq(options, ",") {
		if seen[option] {
			return "taskhawk tag: option " + option + " given twice"
		}
		seen[option] = true
		alias, isAlias := strings.CutPrefix(option, "alias=")
		switch {
		case isAlias && !isValidName(alias):
			return "taskhawk tag: invalid alias"
		case isAlias:
			l.aliases = append(l.aliases, alias)
			continue
		}
		switch option {
		case "kw":
			l.kind = KeywordOnly
		case "optional":
			l.optional = true
		case "rest":
			l.kind, l.optional = Rest, true
		default:
			return "taskhawk tag: unknown option; there are kw, optional, rest and alias=name"
		}
	}
	if seen["rest"] && len(seen) > 1 {
		return "taskhawk tag: rest takes no other option"
	}
	return l.checkEmbedded(f, options)
}

// checkEmbedded refuses embedded structs that could be one parameter or many.
func (l *label) checkEmbedded(f reflect.StructField, options string) (reason string) {
	if !f.Anonymous || l.tagged || structBehind(f.Type) == nil {
		return ""
	}
	pointer := reflect.PointerTo(structBehind(f.Type))
	switch {
	case options != "":
		return "options on an embedded struct need a name"
	case pointer.Implements(marshalerType) || pointer.Implements(textMarshalerType):
		return "embedded struct has its own JSON form; name it in a tag to make it a parameter"
	case !f.IsExported() && f.Type.Kind() == reflect.Pointer:
		return "embedded pointer to an unexported struct cannot be set"
	}
	return ""
}

// snakeCase turns a Go field name into the way Python writes names: UserID becomes
// user_id, HTTPServer http_server, S3Key s3_key.
//
// A capital begins a word if the letter before it is no capital, or if it ends a run of
// capitals, as the S of HTTPServer does. The s of a plural such as UserIDs stays with its
// capitals: user_ids. Digits stay with the word before them. Names like OAuth2Token,
// which becomes o_auth2_token, need a tag if that is not what is meant.
func snakeCase(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) && beginsWord(runes, i) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// beginsWord reports whether the capital at i, not the first letter, begins a word.
func beginsWord(runes []rune, i int) bool {
	before := runes[i-1]
	if before == '_' {
		return false
	}
	if !unicode.IsUpper(before) {
		return true
	}
	return i+1 < len(runes) && unicode.IsLower(runes[i+1]) && !isPlural(runes[i+1:])
}

// isPlural reports whether what follows a run of capitals is only the s of a plural.
func isPlural(rest []rune) bool {
	return rest[0] == 's' && (len(rest) == 1 || unicode.IsUpper(rest[1]) || rest[1] == '_')
}
