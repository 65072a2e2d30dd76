// Package bench measures what this library does between a struct and the text on the
// wire, beside others that do the same work. It is a separate module, so that the
// others never reach users.
//
// A [Workload] is one message with one set of arguments, a [Contender] one way to write
// and read it, and a [Cell] one direction of one workload with all contenders that can do
// it. A [Call] is a dispatch or a delivery as a whole, without a network. The tests prove
// that every contender writes and reads the same message. The benchmarks give figures, of
// which benchstat takes medians: make bench. The program gate judges: it runs ours and the
// others in turns within one process ([InTurns]), and fails when a ratio or a number of
// allocations is worse than goals.json allows: make bench-gate.
//
// To add a contender, write a function like typed and list it in [Contenders]; to add a
// workload, write a file like workload_small.go and list it in [Cells].
// docs/performance.md says what the figures are and how to read them.
package bench
