package fixture

const (
	b1 = 1
	b2 = 2
)
