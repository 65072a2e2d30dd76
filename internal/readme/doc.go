// Package readme holds the checks of the documentation; it has no code to import.
//
// The tests read the Markdown files of the repository and check their claims:
//
//   - Every Go block compiles and passes go vet, in a new module of a workspace with this
//     one. A block that begins with "package" begins a program. The shorter blocks that
//     follow it belong to that program: declarations beside it, statements in a function,
//     with the imports they need and the names of testdata/setting.go.
//   - The program of README.md runs: it dispatches and handles its task on the embedded
//     server.
//   - Every JSON block parses, and every relative link leads to a file and to a heading
//     in it.
//   - The tests, faults and make targets that the prose names exist.
//   - The IAM policies are the output of sqscheck.Policy.
//   - The attributes of log lines are documented.
//
// A finding has its line of the Markdown file. testdata/broken.md breaks each rule, and
// the tests expect those findings.
package readme
