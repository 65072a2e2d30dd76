package codec

import (
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// binding is one set of arguments being bound to the struct at p, as a Python call binds
// them.
type binding struct {
	sig   *signature
	p     place
	given [maxParams / 64]uint64 // bits of the params that have a value
}

// bind reads args and kwargs into the struct at p, which is zero.
func (sig *signature) bind(args, kwargs string, p place) *Error {
	b := binding{sig: sig, p: p}
	if err := b.args(args); err != nil {
		return err
	}
	if err := b.kwargs(kwargs); err != nil {
		return err
	}
	return b.missing()
}

// take notes that a parameter has a value, and reports whether it had none before.
func (b *binding) take(n int) bool {
	word, bit := &b.given[n/64], uint64(1)<<(n%64)
	if *word&bit != 0 {
		return false
	}
	*word |= bit
	return true
}

// args binds the elements of a JSON array in order.
func (b *binding) args(s string) *Error {
	i, done, err := open(s, '[', "array")
	if err != nil {
		return err.under("args")
	}
	for n := 0; !done; n++ {
		if n >= len(b.sig.positional) {
			return newError(ErrTooManyArgs, "takes at most "+strconv.Itoa(n)).under("args")
		}
		f := &b.sig.params[b.sig.positional[n]]
		b.take(b.sig.positional[n])
		if i, err = f.dec.decode(s, i, f.path.reach(b.p), 0); err != nil {
			return err.underIndex(n).of(f.Name, "args")
		}
		if i, done, err = leave(s, i, ']'); err != nil {
			return err.under("args")
		}
	}
	return finish(s, i, "args")
}

// kwargs binds the members of a JSON object by name.
func (b *binding) kwargs(s string) *Error {
	i, done, err := open(s, '{', "object")
	if err != nil {
		return err.under("kwargs")
	}
	likely := b.sig.leading
	for !done {
		if i, likely, err = b.keyword(s, i, likely); err != nil {
			return err
		}
		if i, done, err = leave(s, i, '}'); err != nil {
			return err.under("kwargs")
		}
	}
	return finish(s, i, "kwargs")
}

// keyword binds one member, and returns the parameter that is likely next.
func (b *binding) keyword(s string, i, likely int) (end, next int, err *Error) {
	n, name, i, err := b.sig.member(s, i, likely)
	if err != nil {
		return i, likely, err.under("kwargs")
	}
	if n < 0 {
		end, err = b.unknown(s, i, name)
		return end, likely, err
	}
	f := &b.sig.params[n]
	if !b.take(n) {
		return i, n, newError(ErrGivenTwice, "the keyword comes after the same argument").of(f.Name, "kwargs."+f.Name)
	}
	if end, err = f.dec.decode(s, i, f.path.reach(b.p), 0); err != nil {
		return end, n, err.of(f.Name, "kwargs."+f.Name)
	}
	return end, n + 1, nil
}

// member reads the name of a keyword and returns the index of its parameter, or -1 and
// the name. Senders mostly keep the order of declaration and put no space before the
// colon, so the text of the parameter after the last is tried first.
func (sig *signature) member(s string, i, likely int) (n int, name string, value int, err *Error) {
	if likely < len(sig.params) {
		if end := sig.params[likely].key.match(s, i); end > 0 {
			return likely, "", jsontext.SkipSpace(s, end), nil
		}
	}
	name, value, err = readKey(s, i)
	if n, ok := sig.byName[name]; ok && err == nil {
		return n, name, value, nil
	}
	return -1, name, value, err
}

// unknown binds a member without a parameter.
func (b *binding) unknown(s string, i int, name string) (int, *Error) {
	if b.sig.rest == nil {
		return i, newError(ErrUnknownKeyword, "there is no such parameter").under(keywordPath(name))
	}
	return b.sig.rest.decode(s, i, b.p, name)
}

// missing reports all required parameters without a value.
func (b *binding) missing() *Error {
	var names []string
	for i := range b.sig.params {
		if f := &b.sig.params[i]; !f.Optional && b.given[i/64]&(1<<(i%64)) == 0 {
			names = append(names, f.Name)
		}
	}
	if names == nil {
		return nil
	}
	err := newError(ErrMissing, strings.Join(names, ", "))
	err.Param = names[0]
	return err
}

// open begins to read the text of args or kwargs. An empty text, or null, has no
// elements.
func open(s string, bracket byte, want string) (i int, done bool, err *Error) {
	i = jsontext.SkipSpace(s, 0)
	switch {
	case s == "":
		return 0, true, nil
	case isNull(s, i):
		return i + len("null"), true, nil
	case !at(s, i, bracket):
		return i, false, wrongType(s, i, want)
	}
	i, done = enter(s, i, bracket+2) // in ASCII both closing brackets come two after the opening ones
	return i, done, nil
}

// finish checks that nothing follows.
func finish(s string, i int, path string) *Error {
	i = jsontext.SkipSpace(s, i)
	if i < len(s) {
		return unexpected(s, i, "the end").under(path)
	}
	return nil
}

// The helpers of the decoders. Each takes the text s and the index i of the next byte,
// and returns the index past what it read.

// syntaxError turns an error of package jsontext into one of this package.
func syntaxError(err error) *Error { return newError(ErrSyntax, err.Error()) }

// skip steps over one value, checking it.
func skip(s string, i int) (int, *Error) {
	end, err := jsontext.SkipValue(s, i)
	if err != nil {
		return end, syntaxError(err)
	}
	return end, nil
}

// readString reads one string, s[i] being its opening quote.
func readString(s string, i int) (string, int, *Error) {
	v, end, err := jsontext.ReadString(s, i)
	if err != nil {
		return "", end, syntaxError(err)
	}
	return v, end, nil
}

// readKey reads the name of an object's member and its colon, up to the value.
func readKey(s string, i int) (string, int, *Error) {
	key, i, err := readString(s, i)
	if err != nil {
		return "", i, err
	}
	i = jsontext.SkipSpace(s, i)
	if i >= len(s) || s[i] != ':' {
		return "", i, unexpected(s, i, "':'")
	}
	return key, jsontext.SkipSpace(s, i+1), nil
}

// enter steps over the bracket s[i] that opens an array or object, up to the first
// element, or past closer if there is none.
func enter(s string, i int, closer byte) (next int, done bool) {
	i = jsontext.SkipSpace(s, i+1)
	if i < len(s) && s[i] == closer {
		return i + 1, true
	}
	return i, false
}

// isComma reports whether a comma follows an element and the next element follows
// directly, as most senders write it. Else call leave.
func isComma(s string, i int) bool { return i+1 < len(s) && s[i] == ',' && s[i+1] > ' ' }

// leave steps over what follows an element: a comma, up to the next element, or closer.
func leave(s string, i int, closer byte) (next int, done bool, err *Error) {
	i = jsontext.SkipSpace(s, i)
	if i < len(s) {
		switch s[i] {
		case ',':
			return jsontext.SkipSpace(s, i+1), false, nil
		case closer:
			return i + 1, true, nil
		}
	}
	return i, false, unexpected(s, i, "',' or '"+string(closer)+"'")
}

// unexpected returns the error of an unexpected byte at s[i].
func unexpected(s string, i int, want string) *Error {
	return syntaxError(jsontext.Unexpected(s, i, want))
}

// at reports whether s[i] is c.
func at(s string, i int, c byte) bool { return i < len(s) && s[i] == c }

// isNull reports whether a null begins at s[i].
func isNull(s string, i int) bool { return strings.HasPrefix(s[min(i, len(s)):], "null") }

// nullOr reads a value of the wrong kind: a null changes nothing, as in encoding/json,
// and anything else is an error.
func nullOr(s string, i int, want string) (int, *Error) {
	if isNull(s, i) {
		return i + len("null"), nil
	}
	return i, wrongType(s, i, want)
}

// wrongType returns the error of a value at s[i] that is invalid or has the wrong kind.
func wrongType(s string, i int, want string) *Error {
	if _, err := skip(s, i); err != nil {
		return err
	}
	return newError(ErrWrongType, "got "+kindAt(s, i)+", want "+want)
}

// doesNotFit reports a number beyond the range of its type.
func doesNotFit(want string) *Error { return newError(ErrWrongType, "number does not fit "+want) }

// kindAt names the kind of the valid value at s[i].
func kindAt(s string, i int) string {
	switch s[i] {
	case '"':
		return "string"
	case '{':
		return "object"
	case '[':
		return "array"
	case 't', 'f':
		return "bool"
	case 'n':
		return "null"
	}
	return "number"
}

// tooDeep reports nesting beyond the limit, the same as in encoding/json.
func tooDeep() *Error { return newError(ErrSyntax, "nested too deeply") }

// restParam is the map field that takes unknown kwargs.
type restParam struct {
	param
	entries *mapEncoder
}

// addRest compiles the rest parameter.
func (b *builder) addRest(sig *signature, p param, last bool) *TypeError {
	switch {
	case p.Type.Kind() != reflect.Map || p.Type.Key().Kind() != reflect.String:
		return b.fail("rest must be a map with string keys")
	case !last:
		return b.fail("rest must be the last parameter, and there can be only one")
	}
	if err := b.checkReadable(p.Type.Elem(), false); err != nil {
		return err
	}
	enc, err := b.mapEncoder(p.Type)
	if err != nil {
		return err
	}
	if p.dec, err = b.decoder(p.Type.Elem(), true); err != nil {
		return err
	}
	sig.rest = &restParam{param: p, entries: enc}
	return nil
}

// append writes the entries of the struct at p as further kwargs. A key that is a
// parameter's name is an error, since readers would get that parameter twice.
func (r *restParam) append(dst []byte, p place, sig *signature, w *walk) ([]byte, *Error) {
	base := len(w.entries)
	dst, err := r.entries.writeEntries(dst, r.place(p).value(r.Type), w)
	if err != nil {
		return dst, err.of(r.Name, "kwargs")
	}
	for _, e := range w.entries[base:] {
		if _, ok := sig.byName[e.key]; ok {
			return dst, newError(ErrGivenTwice, "a key of "+r.Field+" as well").of(e.key, "kwargs."+e.key)
		}
	}
	return w.order(dst, base), nil
}

// decode reads the value of the unknown keyword name into the map of the struct at p.
func (r *restParam) decode(s string, i int, p place, name string) (int, *Error) {
	m := r.path.reach(p).value(r.Type)
	if m.IsNil() {
		m.Set(reflect.MakeMap(r.Type))
	}
	key := reflect.ValueOf(name).Convert(r.Type.Key())
	if m.MapIndex(key).IsValid() {
		return i, newError(ErrGivenTwice, "the keyword comes again").under(keywordPath(name))
	}
	elem := reflect.New(r.Type.Elem()).Elem()
	i, err := r.dec.decode(s, i, placeOf(elem), 0)
	if err != nil {
		return i, err.of(r.Name, keywordPath(name))
	}
	m.SetMapIndex(key, elem)
	return i, nil
}

// foldBuffer is long enough for the folded form of most names, in bytes.
const foldBuffer = 64

// appendFolded appends a form of name that is the same for all names that differ only in
// case, by Unicode's simple folding.
func appendFolded(dst []byte, name string) []byte {
	for _, r := range name {
		if r < utf8.RuneSelf {
			if 'a' <= r && r <= 'z' {
				r -= 'a' - 'A'
			}
			dst = append(dst, byte(r))
			continue
		}
		dst = utf8.AppendRune(dst, leastFold(r))
	}
	return dst
}

// leastFold returns the least of the characters that differ from r only in case.
func leastFold(r rune) rune {
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	return least
}

// memberKey is the text ,"name": that begins a member of an object, in forms that are
// quick to write and to recognize. The first member has the comma too: closeObject
// replaces it by the bracket.
type memberKey struct {
	text        string
	short       [maxShortKey]byte // text, if it is not longer
	first, last uint64            // the first and the last eight bytes of "name":
	mask        uint64            // the bytes of first that count, if there are less than eight
}

const (
	maxShortKey = 32
	wordSize    = 8
)

func newMemberKey(name string) memberKey {
	k := memberKey{text: `,"` + name + `":`}
	copy(k.short[:], k.text)
	quoted := k.text[len(","):]
	k.mask = ^uint64(0)
	if n := len(quoted); n < wordSize {
		k.mask >>= 8 * (wordSize - n)
	} else {
		k.last = jsontext.Word(quoted, n-wordSize)
	}
	k.first = jsontext.Word(quoted+strings.Repeat("\x00", wordSize), 0) & k.mask
	return k
}

// append writes the key. A copy of fixed length takes two instructions, a copy of the
// key's length takes a call. Bytes written beyond the key are not part of the result.
func (k *memberKey) append(dst []byte) []byte {
	room := dst[len(dst):cap(dst)]
	if len(room) < maxShortKey || len(k.text) > maxShortKey {
		return append(dst, k.text...)
	}
	*(*[maxShortKey]byte)(room) = k.short
	return dst[:len(dst)+len(k.text)]
}

// match returns the index past the key if it follows in s at i, as most senders write
// it, else 0. It compares words, since comparing strings takes a call.
func (k *memberKey) match(s string, i int) (end int) {
	end = i + len(k.text) - len(",")
	if len(s)-i < wordSize || end > len(s) || jsontext.Word(s, i)&k.mask != k.first {
		return 0
	}
	switch n := end - i; {
	case n <= wordSize:
		return end
	case n <= 2*wordSize && jsontext.Word(s, end-wordSize) == k.last:
		return end
	case n > 2*wordSize && s[i:end] == k.text[len(","):]:
		return end
	}
	return 0
}
