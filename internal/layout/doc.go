// Package layout holds the checks of the repository's shape that no linter has. It has no
// code to import.
//
//   - imports: what a package may link, directly or through others;
//   - requirements: the modules that docs/decisions.md argues for;
//   - files of at most 900 lines;
//   - tests that sleep in virtual time only, and look for leaked goroutines.
//
// Everything else is in .golangci.yml. Each check also runs on a fixture in testdata that
// breaks it.
package layout
