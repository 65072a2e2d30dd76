package fixture_test // want

const (
	four = 4
	five = 5
)
