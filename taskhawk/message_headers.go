package taskhawk

import (
	"slices"
	"strings"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// header is one of the headers of a message.
type header struct{ name, value string }

// fewHeaders is how many headers are sorted without memory from the heap.
const fewHeaders = 8

// appendHeaders appends the headers as members of an object, in the order of their names.
func appendHeaders(dst []byte, headers Headers, dispatch bool) ([]byte, error) {
	if len(headers) == 0 {
		return dst, nil
	}
	var room [fewHeaders]header
	sorted := room[:0]
	for name, value := range headers {
		sorted = append(sorted, header{name, value})
	}
	slices.SortFunc(sorted, func(a, b header) int { return strings.Compare(a.name, b.name) })
	for i := range sorted {
		h := &sorted[i]
		if dispatch {
			if err := checkHeaderName(h.name); err != nil {
				return dst, err
			}
		}
		var ok bool
		if dst, ok = h.append(dst); !ok {
			return dst, h.invalid(dispatch)
		}
	}
	return dst[:len(dst)-1], nil
}

// append appends a member and a comma; it fails when name or value is not valid UTF-8.
func (h *header) append(dst []byte) ([]byte, bool) {
	dst, ok := jsontext.AppendString(dst, h.name)
	if !ok {
		return dst, false
	}
	dst, ok = jsontext.AppendString(append(dst, ':'), h.value)
	return append(dst, ','), ok
}

func (h *header) invalid(dispatch bool) error {
	if dispatch {
		return checkHeader(h.name, h.value)
	}
	return &MessageError{Field: "headers", Reason: "is not valid UTF-8"}
}
