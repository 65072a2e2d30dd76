package fixture

const (
	c1 = 1
	c2 = 2
)
