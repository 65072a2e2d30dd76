package codec

import (
	"strconv"
	"strings"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// binding is one set of arguments being bound to the struct at p, as a Python call binds them.
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

// keyword binds one member, and says which parameter is likely next.
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

// member reads the name of a keyword and returns the index of its parameter, or -1 and the name. Senders mostly keep the order of declaration
// and put no space before the colon, so the text of the parameter after the last is tried first.
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

// unknown binds a member that is no parameter.
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

// open begins to read the whole text of args or kwargs; none, or null, has no elements.
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
	if i = jsontext.SkipSpace(s, i); i < len(s) {
		return unexpected(s, i, "the end").under(path)
	}
	return nil
}
