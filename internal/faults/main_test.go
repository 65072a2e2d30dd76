package faults_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain makes the test binary a worker where a test starts it as one.
func TestMain(m *testing.M) {
	if child := os.Getenv(childVariable); child != "" {
		os.Exit(childMain(child))
	}
	goleak.VerifyTestMain(m)
}
