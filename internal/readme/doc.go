// Package readme holds the checks of the documentation; it has no code to import.
//
// The tests read the Markdown files of the repository and fail when one of them tells
// something that is not so:
//
//   - every Go block compiles and passes go vet, in a new module that replaces this one
//     by its folder, as a reader's would. A block that begins with "package" begins a
//     program; the shorter ones that follow it belong to that program: declarations
//     beside it, statements in their own function, with the imports they need and
//     the names of testdata/setting.go;
//   - the program of README.md runs: it dispatches and handles its task on the embedded
//     server;
//   - every JSON block is JSON, and every relative link leads to a file, and to a
//     heading in it;
//   - the tests and faults that docs/reliability.md names exist;
//   - the IAM policies of docs/operations.md allow what publishers, workers, Provision
//     and Redrive call, and nothing else.
//
// A finding is at its line of the Markdown file. The documents in testdata break each
// rule once and have to be found: a check that cannot fail would be worth nothing.
package readme
