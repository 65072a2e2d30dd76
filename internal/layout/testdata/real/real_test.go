package fixture_test

import (
	"testing"
	"time"
)

func TestMain(m *testing.M) { m.Run() }

func pause() { time.Sleep(time.Hour) }
