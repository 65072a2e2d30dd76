package faults_test

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"

	"go.uber.org/goleak"
)

// TestMain makes the test binary a worker, or a Lambda function, where a test starts it
// as one.
func TestMain(m *testing.M) {
	if child := os.Getenv(childVariable); child != "" {
		os.Exit(childMain(child))
	}
	if function := os.Getenv(functionVariable); function != "" {
		fmt.Fprintln(os.Stderr, functionMain(function))
		os.Exit(1)
	}
	flag.Parse()
	if err := sizeProperties(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	goleak.VerifyTestMain(m)
}

// sizeProperties sets how many cases of each property are tried, unless -rapid.checks
// says so.
func sizeProperties() error {
	const checks = "rapid.checks"
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == checks })
	if given {
		return nil
	}
	return flag.Set(checks, strconv.Itoa(sized(20, 1500)))
}
