package faults_test

import "os"

// longVariable names the environment variable that asks for the long form of the tests
// that have one: make soak.
const longVariable = "FAULTS_LONG"

// sized is how much a test does: a few seconds' worth in each run of the tests, more in
// the long form.
func sized(short, long int) int {
	if os.Getenv(longVariable) != "" {
		return long
	}
	return short
}
