package codec

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// quotedEncoder writes a nested field with the option ",string": its JSON form once more as a string, but null as it is.
type quotedEncoder struct{ plain encoder }

func (k *quotedEncoder) encode(dst []byte, p place, w *walk) ([]byte, *Error) {
	start := len(dst)
	dst, err := k.plain.encode(dst, p, w)
	if err != nil {
		return dst, err
	}
	text := string(dst[start:])
	if text == "null" {
		return dst, nil
	}
	return appendString(dst[:start], unescapeOnce(text))
}

// unescapeOnce undoes what only SQS asks for, so that the outer string escapes it and not both.
func unescapeOnce(text string) string {
	if !strings.Contains(text, `\uff`) {
		return text
	}
	return strings.NewReplacer(`\\`, `\\`, `\ufffe`, "\ufffe", `\uffff`, "\uffff").Replace(text)
}

// quotedDecoder reads a nested field with the option ",string": a string that holds the value's JSON form, or a null.
type quotedDecoder struct {
	typ   reflect.Type
	plain decoder // nil if the type has its own methods
}

func (k *quotedDecoder) decode(s string, i int, p place, depth int) (int, *Error) {
	end, err := skip(s, i)
	if err != nil {
		return end, err
	}
	if k.plain == nil || !at(s, i, '"') {
		return end, k.decodeOddly(s[i:end], p)
	}
	text, _, _ := readString(s, i)
	if after, bad := jsontext.SkipValue(text, 0); bad != nil || after < len(text) || text == "null" {
		return end, k.decodeOddly(s[i:end], p)
	}
	_, err = k.plain.decode(text, 0, p, depth)
	return end, err
}

// decodeOddly leaves to encoding/json what few ever send, such as "007" or "-Inf": the rules of this option were never written down.
func (k *quotedDecoder) decodeOddly(text string, p place) *Error {
	field := reflect.StructField{Name: "Quoted", Type: k.typ, Tag: `json:",string"`}
	holder := reflect.New(reflect.StructOf([]reflect.StructField{field}))
	holder.Elem().Field(0).Set(p.value(k.typ))
	if err := json.Unmarshal([]byte(`{"Quoted":`+text+`}`), holder.Interface()); err != nil {
		return newCausedError(ErrWrongType, "got "+kindAt(text, 0)+`, want a string that holds `+k.typ.String(), err)
	}
	p.value(k.typ).Set(holder.Elem().Field(0))
	return nil
}
