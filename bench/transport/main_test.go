package transport_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/bench/transport"
)

func TestMain(m *testing.M) {
	var options []goleak.Option
	for _, name := range transport.Leaks() {
		options = append(options, goleak.IgnoreTopFunction(name))
	}
	goleak.VerifyTestMain(m, options...)
}
