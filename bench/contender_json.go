package bench

import (
	"encoding/json"

	"github.com/bytedance/sonic"
	goccy "github.com/goccy/go-json"
)

// typed writes and reads the message in one call of a JSON library, with a type written
// by hand for every message. Args holds pointers to the arguments, which these libraries
// follow in both directions.
func typed[A, K any](w Workload[A, K], library jsonLibrary) Contender[A] {
	return Contender[A]{
		Name: library.name + "-typed", Title: library.title + ", a type per task", Kind: Typed,
		Encode: func(m *Message[A]) ([]byte, error) {
			return library.marshal(wireOf(m, w.Positional(&m.Args), w.Keyword(&m.Args)))
		},
		Decode: func(body Body, m *Message[A]) error {
			wire := wireMessage[[]any, K]{Args: w.Positional(&m.Args)}
			if err := library.unmarshal(body, &wire); err != nil {
				return err
			}
			copyHead(m, &wire)
			w.SetKeyword(&m.Args, &wire.Kwargs)
			return nil
		},
	}
}

// jsonLibrary is a package with the two functions of encoding/json.
type jsonLibrary struct {
	name, title string
	marshal     func(v any) ([]byte, error)
	unmarshal   func(body Body, v any) error
	// unmarshalRaw is unmarshal for text that the library itself has cut out.
	unmarshalRaw func(text []byte, v any) error
}

func standardLibrary() jsonLibrary {
	return jsonLibrary{
		name: "json", title: "encoding/json", marshal: json.Marshal, unmarshalRaw: json.Unmarshal,
		unmarshal: func(body Body, v any) error { return json.Unmarshal(body.Bytes, v) },
	}
}

// goccyLibrary does without what a message does not need, HTML escapes and sorted maps,
// and lets strings share the memory of the body.
func goccyLibrary() jsonLibrary {
	return jsonLibrary{
		name: "goccy", title: "goccy/go-json",
		marshal: func(v any) ([]byte, error) {
			return goccy.MarshalWithOption(v, goccy.DisableHTMLEscape(), goccy.UnorderedMap())
		},
		unmarshal: func(body Body, v any) error {
			return goccy.UnmarshalWithOption(body.Bytes, v, goccy.DecodeNoCopyString())
		},
		unmarshalRaw: func(text []byte, v any) error {
			return goccy.UnmarshalWithOption(text, v, goccy.DecodeNoCopyString())
		},
	}
}

// sonicLibrary uses the fastest configuration, and strings that share the memory of the
// body, as ours do.
func sonicLibrary() jsonLibrary {
	return jsonLibrary{
		name: "sonic", title: "bytedance/sonic", marshal: sonic.ConfigFastest.Marshal,
		unmarshal:    func(body Body, v any) error { return sonic.ConfigFastest.UnmarshalFromString(body.Text, v) },
		unmarshalRaw: sonic.ConfigFastest.Unmarshal,
	}
}
