// Package jsontext holds the JSON text primitives that the message envelope and the
// argument codec share: writing a string, reading a string, and stepping over space or a
// whole value.
//
// The rules follow RFC 8259 as package encoding/json (version 1) applies them, so
// that what one of the two accepts, the other accepts with the same meaning; the fuzz
// targets hold them to it. All functions work on Go strings, the form in which SQS and
// Lambda hand over a body: strings are immutable, so a result may share the memory of its
// input.
//
// The bytes of strings are looked at in bulk: sixteen at a time in assembly on amd64
// (scan_amd64.s), eight at a time by arithmetic on a word elsewhere and under the build
// tag purego (scan.go, word.go). The same tests hold for both.
//
// All functions are pure, and safe for concurrent use. An index i past the end of s is
// treated as the end.
package jsontext
