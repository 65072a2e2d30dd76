package bench

import (
	"fmt"
	"strings"
)

// Cell is one direction of one workload, with everybody that can do it.
type Cell struct {
	// Direction is "encode" or "decode".
	Direction string
	// Workload is "small", "medium" or "large".
	Workload string
	// Entries are the contenders, ours first.
	Entries []Entry
}

// Name returns the cell's name, such as "encode/small".
func (c *Cell) Name() string { return c.Direction + "/" + c.Workload }

// Benchmark returns the name of an entry's benchmark without its prefix, such as
// "Encode/small/taskhawk".
func (c *Cell) Benchmark(entry *Entry) string {
	return strings.ToUpper(c.Direction[:1]) + c.Direction[1:] + "/" + c.Workload + "/" + entry.Name
}

// Entry is one contender's part in a cell. It is not safe for concurrent use.
type Entry struct {
	// Name is the contender's, and that with "-append" for its Append.
	Name string
	// Title is the contender's.
	Title string
	// Kind is the contender's.
	Kind Kind
	// Run does the work of the cell once.
	Run func() error
}

// Cells returns all cells, the encoding ones first.
func Cells() ([]Cell, error) {
	small, err := newPair(Small())
	if err != nil {
		return nil, err
	}
	medium, err := newPair(Medium())
	if err != nil {
		return nil, err
	}
	large, err := newPair(Large())
	if err != nil {
		return nil, err
	}
	return []Cell{small.encode, medium.encode, large.encode, small.decode, medium.decode, large.decode}, nil
}

// pair is both directions of a workload.
type pair struct{ encode, decode Cell }

func newPair[A, K any](w Workload[A, K]) (*pair, error) {
	p := pair{encode: Cell{Direction: "encode", Workload: w.Name}, decode: Cell{Direction: "decode", Workload: w.Name}}
	contenders, err := Contenders(w)
	if err != nil {
		return nil, err
	}
	for _, c := range contenders {
		p.encode.Entries = append(p.encode.Entries, encoding(c, &w.Message)...)
		body, err := BodyFor(c, contenders[0], &w.Message)
		if err != nil {
			return nil, fmt.Errorf("bench: %s writes %s: %w", c.Name, w.Name, err)
		}
		p.decode.Entries = append(p.decode.Entries, decoding(c, body)...)
	}
	return &p, nil
}

// BodyFor returns the message that c reads: its own if its format is foreign, else that
// of standard.
func BodyFor[A any](c, standard Contender[A], m *Message[A]) (Body, error) {
	if !c.Foreign {
		c = standard
	}
	text, err := c.Encode(m)
	return NewBody(text), err
}

func encoding[A any](c Contender[A], m *Message[A]) []Entry {
	var entries []Entry
	if c.Encode != nil {
		entries = append(entries, Entry{Name: c.Name, Title: c.Title, Kind: c.Kind, Run: func() error {
			_, err := c.Encode(m)
			return err
		}})
	}
	if c.Append != nil {
		var dst []byte
		run := func() (err error) {
			dst, err = c.Append(dst[:0], m)
			return err
		}
		entries = append(entries, Entry{Name: c.Name + "-append", Title: c.Title + ", append", Kind: c.Kind, Run: run})
	}
	return entries
}

func decoding[A any](c Contender[A], body Body) []Entry {
	if c.Decode == nil {
		return nil
	}
	m := new(Message[A])
	return []Entry{{Name: c.Name, Title: c.Title, Kind: c.Kind, Run: func() error {
		*m = Message[A]{}
		return c.Decode(body, m)
	}}}
}
