package sqstest

import (
	"encoding/base64"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// form is the tree that the names of a form's fields make: a.member.1.b=c is the
// text c at b in 1 in member in a. A node has a text or members, not both.
type form struct {
	value   string
	members map[string]*form // nil for a text
}

// maxFormDepth is deeper than any name of SNS.
const maxFormDepth = 12

// parseForm reads a form strictly: no name twice, no name that is a text and a
// node, nothing that is not UTF-8.
func parseForm(body string) (*form, error) {
	values, err := url.ParseQuery(body)
	if err != nil || !utf8.ValidString(body) {
		return nil, errSNS("The request is not a form in UTF-8.")
	}
	root := &form{members: map[string]*form{}}
	for name, texts := range values {
		if len(texts) > 1 {
			return nil, errSNS("The parameter %s is given twice.", name)
		}
		if !utf8.ValidString(name + texts[0]) {
			return nil, errSNS("The request is not a form in UTF-8.")
		}
		if !root.set(strings.Split(name, "."), texts[0]) {
			return nil, errSNS("The parameter %s does not go with the others.", name)
		}
	}
	return root, nil
}

// set puts a text in the tree. It reports false if there is no place for it.
func (f *form) set(path []string, value string) bool {
	if len(path) > maxFormDepth {
		return false
	}
	for _, name := range path[:len(path)-1] {
		next := f.members[name]
		if next == nil {
			next = &form{members: map[string]*form{}}
			f.members[name] = next
		}
		if next.members == nil {
			return false
		}
		f = next
	}
	last := path[len(path)-1]
	if f.members[last] != nil {
		return false
	}
	f.members[last] = &form{value: value}
	return true
}

// text returns the text of a member, "" if there is none.
func (f *form) text(name string) string {
	if member := f.members[name]; member != nil {
		return member.value
	}
	return ""
}

// decodeForm reads a form into a pointer to a struct. As with JSON, it is stricter than
// the service: a parameter that the struct lacks is an error, even if only the case
// differs. A field tagged sqs:"required" must be present. The tag query names the two
// parts of the entries of a map: key and value, if there is none.
func decodeForm(body string, into any) error {
	f, err := parseForm(body)
	if err != nil {
		return err
	}
	delete(f.members, "Action")
	delete(f.members, "Version")
	return f.decode(reflect.ValueOf(into).Elem(), "", nil)
}

func (f *form) decode(v reflect.Value, tag reflect.StructTag, p *place) error {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return f.decode(v.Elem(), tag, p)
	case reflect.Struct:
		return f.decodeStruct(v, p)
	case reflect.Map:
		return f.decodeMap(v, tag, p)
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			return f.decodeList(v, p)
		}
	}
	if f.members != nil {
		return errSNS("The parameter %s is a text.", p)
	}
	return f.decodeText(v, p)
}

func (f *form) decodeText(v reflect.Value, p *place) error {
	switch v.Kind() {
	case reflect.String:
		v.SetString(f.value)
	case reflect.Bool:
		if f.value != "true" && f.value != "false" {
			return errSNS("The parameter %s is true or false.", p)
		}
		v.SetBool(f.value == "true")
	default:
		bytes, err := base64.StdEncoding.DecodeString(f.value)
		if err != nil {
			return errSNS("The parameter %s is not base64.", p)
		}
		v.SetBytes(bytes)
	}
	return nil
}

func (f *form) decodeStruct(v reflect.Value, p *place) error {
	if f.members == nil {
		return errSNS("The parameter %s has members.", p)
	}
	known := map[string]bool{}
	for _, field := range reflect.VisibleFields(v.Type()) {
		if field.Anonymous || !field.IsExported() {
			continue
		}
		here := &place{in: p, name: field.Name}
		known[field.Name] = true
		member := f.members[field.Name]
		switch {
		case member != nil:
			if err := member.decode(v.FieldByIndex(field.Index), field.Tag, here); err != nil {
				return err
			}
		case field.Tag.Get("sqs") == "required":
			return errSNSParameter(here.String(), "no value for required parameter")
		}
	}
	return f.only(known, p)
}

// only returns an error for unknown members.
func (f *form) only(known map[string]bool, p *place) error {
	for _, name := range slices.Sorted(maps.Keys(f.members)) {
		if !known[name] {
			return errSNS("The parameter %s is not one of this operation.", &place{in: p, name: name})
		}
	}
	return nil
}

// items returns the nodes name.1, name.2 and so on, without gaps.
func (f *form) items(name string, p *place) ([]*form, error) {
	if f.members == nil {
		if f.value == "" { // an empty list has no other form
			return nil, nil
		}
		return nil, errSNS("The parameter %s is a list or a map.", p)
	}
	if err := f.only(map[string]bool{name: true}, p); err != nil {
		return nil, err
	}
	numbered, items := f.members[name], []*form(nil)
	for i := 1; i <= len(numbered.members); i++ {
		item := numbered.members[strconv.Itoa(i)]
		if item == nil {
			return nil, errSNS("The parameter %s is not numbered from 1 on.", p)
		}
		items = append(items, item)
	}
	if len(items) == 0 {
		return nil, errSNS("The parameter %s is a list or a map.", p)
	}
	return items, nil
}

func (f *form) decodeList(v reflect.Value, p *place) error {
	items, err := f.items("member", p)
	if err != nil {
		return err
	}
	list := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		if err := item.decode(list.Index(i), "", &place{in: p, name: strconv.Itoa(i + 1)}); err != nil {
			return err
		}
	}
	v.Set(list)
	return nil
}

func (f *form) decodeMap(v reflect.Value, tag reflect.StructTag, p *place) error {
	items, err := f.items("entry", p)
	if err != nil {
		return err
	}
	keyName, valueName, named := strings.Cut(tag.Get("query"), ",")
	if !named {
		keyName, valueName = "key", "value"
	}
	entries := reflect.MakeMapWithSize(v.Type(), len(items))
	for i, item := range items {
		key, value := item.members[keyName], item.members[valueName]
		here := &place{in: p, name: strconv.Itoa(i + 1)}
		if key == nil || key.members != nil || value == nil || len(item.members) != 2 {
			return errSNS("The parameter %s has one %s and one %s.", here, keyName, valueName)
		}
		if entries.MapIndex(reflect.ValueOf(key.value)).IsValid() {
			return errSNS("The parameter %s repeats a name.", here)
		}
		made := reflect.New(v.Type().Elem()).Elem()
		if err := value.decode(made, "", here); err != nil {
			return err
		}
		entries.SetMapIndex(reflect.ValueOf(key.value), made)
	}
	v.Set(entries)
	return nil
}
