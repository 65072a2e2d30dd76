package fixture_test // want

import "testing"

func TestMain(m *testing.M) { m.Run() }
