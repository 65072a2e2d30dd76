package fixture_test

import (
	"testing"
	"time"
)

func TestReal(t *testing.T) {
	time.Sleep(time.Second) // want
}

func wait() { time.Sleep(time.Second) } // want
