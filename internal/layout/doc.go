// Package layout holds the checks of the repository that no linter has; it has no code to
// import.
//
//   - imports: what a package may link through others. The direct imports, and the modules
//     that docs/decisions.md argues for, are in .golangci.yml;
//   - tests that sleep in virtual time only, and look for leaked goroutines;
//   - workflows of GitHub, and the modules that dependabot updates.
//
// Each check also runs on a fixture that breaks it.
package layout
