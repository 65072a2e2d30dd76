package fixture // want

const (
	one = 1
	two = 2
)
