package sqstest

import (
	"net/url"
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

// set puts a text in the tree; it is false when there is no place for it.
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

// text is the text of a member, "" when there is none.
func (f *form) text(name string) string {
	if member := f.members[name]; member != nil {
		return member.value
	}
	return ""
}
