package fixture_test // want

const (
	one = 1
	two = 2
)
