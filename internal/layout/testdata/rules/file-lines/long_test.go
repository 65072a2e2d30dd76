package fixture_test

const (
	four = 4
	five = 5
)
