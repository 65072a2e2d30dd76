package fixture_test

import (
	"testing"
	"time"
)

func TestReal(t *testing.T) {
	pause()
	time.Sleep(time.Second)
}

func BenchmarkReal(b *testing.B) {
	func() { time.Sleep(time.Second) }()
}
