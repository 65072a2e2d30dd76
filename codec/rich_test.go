package codec_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Types for the tests that compare with encoding/json: together they have every kind and
// every way for a type to bring its own form.

type (
	namedString string
	namedInt    int16
	namedBytes  []byte
	namedMap    map[string]string

	// upper has MarshalText and UnmarshalText, with value and pointer receiver.
	upper string

	// shout has MarshalJSON and UnmarshalJSON with pointer receivers.
	shout struct{ Text string }

	// level has MarshalText with a pointer receiver only.
	level int

	// point is a comparable key with text methods.
	point struct{ X, Y int8 }

	// spaced writes JSON with white space and odd characters.
	spaced struct{ Raw string }
)

var errRefused = errors.New("refused")

func (u upper) MarshalText() ([]byte, error) { return []byte(strings.ToUpper(string(u))), nil }

func (u *upper) UnmarshalText(b []byte) error {
	if len(b) > 9 {
		return errRefused
	}
	*u = upper(strings.ToLower(string(b)))
	return nil
}

func (s *shout) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"shout": valid(s.Text)})
}

func (s *shout) UnmarshalJSON(b []byte) error {
	s.Text = string(b)
	if s.Text == `"refuse"` {
		return errRefused
	}
	return nil
}

func (l *level) MarshalText() ([]byte, error) { return []byte(strings.Repeat("*", int(*l&7))), nil }

func (p point) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%d/%d", p.X, p.Y), nil }

func (p *point) UnmarshalText(b []byte) error {
	_, err := fmt.Sscanf(string(b), "%d/%d", &p.X, &p.Y)
	return err
}

// valid replaces bytes that are no UTF-8, which json.Marshal escapes up to Go 1.26 only.
func valid(text string) string { return strings.ToValidUTF8(text, "\ufffd") }

func (s spaced) MarshalJSON() ([]byte, error) {
	text, err := json.Marshal(valid(s.Raw))
	return []byte(" { \"raw\" :\n" + string(text) + ", \"odd\": \"\u2028 \ufffe\" } "), err
}

// Base is embedded in rich, also behind a pointer.
type Base struct {
	ID     int64 `json:"id"`
	Shadow string
}

// Deep is embedded behind a pointer.
type Deep struct {
	Depth  uint8
	Shadow string
	Both   int
}

type hidden struct {
	Seen string
	Both int
}

type rich struct {
	Base
	*Deep
	hidden

	Shadow  string `json:"shadow,omitempty"`
	Bool    bool
	Int     int
	Int8    int8 `json:"int8,omitempty"`
	Int16   namedInt
	Int32   int32
	Int64   int64 `json:",string"`
	Uint    uint
	Uint8   uint8 `json:",omitzero"`
	Uint16  uint16
	Uint32  uint32
	Uint64  uint64
	F32     float32
	F64     float64
	Str     string
	Named   namedString
	QStr    string  `json:"q_str,string"`
	QBool   *bool   `json:",string"`
	QFloat  float64 `json:",string,omitempty"`
	Bytes   []byte
	NBytes  namedBytes
	Strs    []string
	Ints    []int
	Arr     [3]int16
	ByteArr [4]byte
	Structs []leaf
	Ptrs    []*leaf
	PP      **int
	PStr    *string
	Map     map[string]string
	NMap    namedMap `json:",omitempty"`
	IntMap  map[int8]leaf
	UintMap map[uint]string
	PtMap   map[point]int
	Any     any
	AnyMap  map[string]any
	Time    time.Time
	PTime   *time.Time `json:",omitempty"`
	OTime   time.Time  `json:",omitzero"`
	Num     json.Number
	Raw     json.RawMessage
	Up      upper
	PUp     *upper
	Shout   shout
	PShout  *shout
	Shouts  map[string]shout
	Lvl     level
	Lvls    []level
	Sp      spaced
	Tree    *tree
	Nested  struct {
		A int
		a int
		B struct{ C []bool }
	}
	_    int
	Skip string `json:"-"`
	Dash string `json:"-,"` //nolint:staticcheck // the odd rule of encoding/json is what is tested
	Odd  string `json:"odd name%"`
	Case int    `json:"case"`
	CASE int    `json:"CASE"`
}

type leaf struct {
	Name  string  `json:"name"`
	Price float64 `json:"price,omitempty"`
	Tags  []string
	Ref   *leaf `json:"ref,omitempty"`
}

type tree struct {
	Value int
	Kids  []tree           `json:",omitempty"`
	ByKey map[string]*tree `json:",omitempty"`
	Next  *tree            `json:",omitempty"`
}
