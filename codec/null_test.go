package codec_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Types that read text by a method of their own.
type (
	textList []string
	textMap  map[string]bool
	textWord string
	textPair struct{ A, B string }
)

func (l textList) MarshalText() ([]byte, error) { return []byte(l[0]), nil }
func (m textMap) MarshalText() ([]byte, error)  { return nil, nil }
func (w textWord) MarshalText() ([]byte, error) { return []byte(w), nil }
func (p textPair) MarshalText() ([]byte, error) { return []byte(p.A), nil }

func (l *textList) UnmarshalText(text []byte) error { *l = textList{string(text)}; return nil }
func (m *textMap) UnmarshalText(text []byte) error  { *m = textMap{string(text): true}; return nil }
func (w *textWord) UnmarshalText(text []byte) error { *w = textWord(text); return nil }
func (p *textPair) UnmarshalText(text []byte) error { p.A = string(text); return nil }

// A null into a type with UnmarshalText calls no method. It empties what can be nil and
// leaves the rest alone, as encoding/json does: a member given twice shows it.
func TestNullIntoTypesWithUnmarshalText(t *testing.T) {
	t.Parallel()
	type texts struct {
		List textList
		Map  textMap
		Word textWord
		Pair textPair
		PTo  *textWord
	}
	got, err := decode[struct{ Texts texts }](t, `[{"List":"a","Map":"a","Word":"a","Pair":"a","PTo":"a"`+
		`,"List":null,"Map":null,"Word":null,"Pair":null,"PTo":null}]`, ``)
	require.NoError(t, err)
	require.Nil(t, got.Texts.List)
	require.Nil(t, got.Texts.Map)
	require.Equal(t, texts{Word: "a", Pair: textPair{A: "a"}}, got.Texts)
}
