package codec

import (
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// jsonFields lists the fields of a nested struct as encoding/json sees them, in the order of declaration. Of several with one name the least
// deep wins, then the one named by a tag; if that leaves more than one, none counts.
func jsonFields(t reflect.Type) []scanned {
	found, _ := scanFields(t, jsonLabel) // which refuses nothing
	byName := map[string][]scanned{}
	for _, f := range found {
		byName[f.name] = append(byName[f.name], f)
	}
	var fields []scanned
	for _, same := range byName {
		slices.SortFunc(same, byRank)
		if len(same) == 1 || len(same[0].index) < len(same[1].index) || same[0].tagged != same[1].tagged {
			fields = append(fields, same[0])
		}
	}
	slices.SortFunc(fields, byDeclaration)
	return fields
}

// jsonLabel reads the json tag of a nested field.
func jsonLabel(f reflect.StructField, _ string) (label, *TypeError) {
	tag := f.Tag.Get("json")
	if tag == "-" {
		return label{skip: true}, nil
	}
	name, rest, _ := strings.Cut(tag, ",")
	options := strings.Split(rest, ",")
	l := label{
		name:      f.Name,
		omitEmpty: slices.Contains(options, "omitempty"),
		omitZero:  slices.Contains(options, "omitzero"),
		quoted:    slices.Contains(options, "string") && isQuotable(f.Type),
	}
	if isValidName(name) {
		l.name, l.tagged = name, true
	}
	return l, nil
}

// isQuotable tells whether the option ",string" means anything for a type: strings, numbers, booleans and pointers to these.
func isQuotable(t reflect.Type) bool {
	if t.Name() == "" && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	k := t.Kind()
	return k >= reflect.Bool && k <= reflect.Float64 || k == reflect.String
}

// isValidName tells whether encoding/json takes name from a tag: letters, digits and punctuation without quotes, backslash and comma.
func isValidName(name string) bool {
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r) {
			return false
		}
	}
	return name != ""
}
