package fixture // want

const (
	a1 = 1
	a2 = 2
)
