// Package layout holds the checks of the repository's shape that no linter has. It has no
// code to import.
//
//   - imports: what a package may link through others. Packages that import nothing but the
//     standard library, or nothing of this module, are in .golangci.yml;
//   - requirements: the modules that docs/decisions.md argues for;
//   - tests that sleep in virtual time only, and look for leaked goroutines.
//
// Everything else is in .golangci.yml. Each check also runs on a fixture in testdata that
// breaks it.
package layout
