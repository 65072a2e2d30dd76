package fixture

const (
	four = 4
	five = 5
)
