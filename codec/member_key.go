package codec

import (
	"strings"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// memberKey is the text ,"name": that begins a member of an object, in forms that are quick to write and to recognize. It has the comma even
// for a member that turns out to be the first: closeObject makes it the bracket.
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

// append writes the key. A copy of fixed length takes two instructions, one of the length of the key a call; what it writes beyond does not matter.
func (k *memberKey) append(dst []byte) []byte {
	room := dst[len(dst):cap(dst)]
	if len(room) < maxShortKey || len(k.text) > maxShortKey {
		return append(dst, k.text...)
	}
	*(*[maxShortKey]byte)(room) = k.short
	return dst[:len(dst)+len(k.text)]
}

// match returns the index past the key if s goes on with it at i, as most senders write it, else 0. Comparing words saves the call that comparing
// strings is.
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
