package codec

import (
	"reflect"
	"slices"
	"strings"
)

// paramLabel reads the tags of one field of an argument struct.
func (b *builder) paramLabel(f reflect.StructField, path string) (label, *TypeError) {
	l, reason := readParamLabel(f)
	if reason != "" {
		return label{}, &TypeError{Type: b.root, Field: path, Reason: reason}
	}
	return l, nil
}

// readParamLabel applies the order of names: the taskhawk tag, the json tag, snake_case of the field.
func readParamLabel(f reflect.StructField) (l label, reason string) {
	tag := f.Tag.Get("taskhawk")
	name, options, _ := strings.Cut(tag, ",")
	fallback, jsonOptions, _ := strings.Cut(f.Tag.Get("json"), ",")
	switch {
	case tag == "-", name == "" && f.Tag.Get("json") == "-":
		return label{skip: true}, ""
	case name == "-":
		return l, `taskhawk:"-" takes no options`
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
	return l, l.readOptions(f, options)
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
		switch option {
		case "kw":
			l.kind = KeywordOnly
		case "optional":
			l.optional = true
		case "rest":
			l.kind, l.optional = Rest, true
		default:
			return "taskhawk tag: unknown option; there are kw, optional and rest"
		}
	}
	if seen["rest"] && len(seen) > 1 {
		return "taskhawk tag: rest takes no other option"
	}
	return l.checkEmbedded(f, options)
}

// checkEmbedded refuses embedded structs of which it is not clear whether they are one parameter or many.
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
