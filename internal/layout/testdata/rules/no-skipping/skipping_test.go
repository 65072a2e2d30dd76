package fixture_test

import "testing"

type walker struct{}

func (walker) Skip() {}

func TestSkipping(t *testing.T) {
	walker{}.Skip()
	t.Skip("not today") // want
	t.Run("part", func(t *testing.T) {
		t.SkipNow() // want
	})
}

func FuzzSkipping(f *testing.F) {
	f.Skipf("not %s", "today") // want
}
