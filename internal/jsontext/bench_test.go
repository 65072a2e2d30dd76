package jsontext_test

import (
	"strings"
	"testing"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// body is an array of objects of about 200 KB, as a large message holds.
func body() string {
	const row = `{"id":7919,"name":"Product number 17","comment":"of ordinary length, with one \"quote\" in it","price":22.24,"tags":["a","b"],"active":true},`
	return "[" + strings.TrimSuffix(strings.Repeat(row, 1400), ",") + "]"
}

func BenchmarkSkipValue(b *testing.B) {
	s := body()
	b.SetBytes(int64(len(s)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jsontext.SkipValue(s, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSpanContainer(b *testing.B) {
	s := body()
	b.SetBytes(int64(len(s)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jsontext.SpanContainer(s, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendString(b *testing.B) {
	for name, s := range map[string]string{
		"short": "EUR", "ascii": "The quick brown fox jumps over the lazy dog", "escapes": "say \"hi\"\nand go on\n", "japanese": strings.Repeat("日本語", 10),
	} {
		b.Run(name, func(b *testing.B) {
			dst := make([]byte, 0, 256)
			b.SetBytes(int64(len(s)))
			for b.Loop() {
				dst, _ = jsontext.AppendString(dst[:0], s)
			}
		})
	}
}

func BenchmarkReadString(b *testing.B) {
	for name, s := range map[string]string{
		"short": `"EUR"      `, "ascii": `"The quick brown fox jumps over the lazy dog"`, "escapes": `"say \"hi\"\nand go on\n"`, "japanese": `"` + strings.Repeat("日本語", 10) + `"`,
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(s)))
			for b.Loop() {
				if _, _, err := jsontext.ReadString(s, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
