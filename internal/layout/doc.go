// Package layout holds the checks that keep this repository in its shape; it has no code to import.
//
// The tests read the source tree and fail when it leaves the rules of CONTRIBUTING.md:
//
//   - imports: which package may link which (codec is standard library only, taskhawk never links AWS,
//     sqsx and lambdax never link each other), found in what `go list -deps` reports, so that an
//     indirect import counts as much as a direct one;
//   - modules: the root go.mod requires what docs/decisions.md argues for and nothing else, so that
//     the rivals of bench/ never reach users;
//   - sizes: lines in a file, lines in a function, and their medians in a package;
//   - declarations: exported names and packages are documented, no init function, no package variable
//     but sentinel errors, lookup tables and type caches;
//   - habits: no marker without an issue, no printing from a library, and in tests no sleeping outside
//     a synctest bubble, no skipping, and a goroutine leak check in every package.
//
// Every rule is also run on a fixture in testdata that breaks it, and has to find exactly the lines
// marked there with a want comment: a rule that cannot fail would be worth nothing.
//
// A rule is one value with a name, what to do when it fails, and a function from a folder of parsed
// sources to findings. To add one, write it beside its kin, list it in rule_test.go, and give it a
// fixture.
package layout
