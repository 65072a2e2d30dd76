package fixture_test

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestVirtual(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		go func() { time.Sleep(time.Hour) }()
		pause()
	})
	time.Sleep(time.Second) // want
}

func pause() { time.Sleep(time.Hour) }
