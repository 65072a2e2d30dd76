package fixture_test

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestVirtual(t *testing.T) {
	slow := func() { time.Sleep(time.Hour) }
	synctest.Test(t, func(t *testing.T) {
		go slow()
		pause()
	})
}

func TestThroughHelpers(t *testing.T) {
	inDeeperBubble(t, func(t *testing.T) { time.Sleep(time.Hour) })
}

func inDeeperBubble(t *testing.T, test func(*testing.T)) { inBubble(t, test) }

func inBubble(t *testing.T, test func(*testing.T)) { synctest.Test(t, test) }

func pause() { time.Sleep(time.Hour) }
