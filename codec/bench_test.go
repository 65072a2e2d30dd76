package codec_test

import (
	"reflect"
	"testing"

	"github.com/taskhawk/taskhawk-go/codec"
)

func BenchmarkAppend(b *testing.B) {
	benchmarkAppend(b, "small", smallPayload())
	benchmarkAppend(b, "medium", mediumPayload())
	benchmarkAppend(b, "large", largePayload())
}

func BenchmarkDecode(b *testing.B) {
	benchmarkDecode(b, "small", smallPayload())
	benchmarkDecode(b, "medium", mediumPayload())
	benchmarkDecode(b, "large", largePayload())
}

func benchmarkAppend[T any](b *testing.B, size string, v T) {
	b.Helper()
	c := of[T](b)
	names, positional := shape[T](b)
	b.Run(size+"/codec", func(b *testing.B) {
		dst := []byte(encode(b, v))
		b.SetBytes(int64(len(dst)))
		b.ReportAllocs()
		for b.Loop() {
			dst, _ = c.Append(dst[:0], &v)
		}
	})
	b.Run(size+"/naive", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := naiveAppend(names, positional, reflect.ValueOf(&v).Elem()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func benchmarkDecode[T any](b *testing.B, size string, v T) {
	b.Helper()
	c := of[T](b)
	names, _ := shape[T](b)
	text := encode(b, v)
	args, kwargs := split(text)
	b.Run(size+"/codec", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			var got T
			if err := c.Decode(args, kwargs, &got); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run(size+"/naive", func(b *testing.B) {
		b.ReportAllocs()
		whole := []byte("{" + text + "}")
		for b.Loop() {
			var got T
			if err := naiveDecode(names, whole, reflect.ValueOf(&got).Elem()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// shape returns the parameters' names, and how many go to args.
func shape[T any](tb testing.TB) (names []string, positional int) {
	tb.Helper()
	for i, p := range of[T](tb).Params() {
		names = append(names, p.Name)
		if p.Kind == codec.Positional && !p.Optional && positional == i {
			positional++
		}
	}
	return names, positional
}
