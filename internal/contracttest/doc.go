// Package contracttest checks the schemas of package contract against a validator that
// shares no code with it, over argument types that a program wrote at random. It is a
// separate module, so that the validator never reaches users.
package contracttest

//go:generate go run ./gen -seed 1 -count 60 -out types_test.go
