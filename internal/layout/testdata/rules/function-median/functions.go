package fixture // want

func one() int { return 1 }

func two() int { return 2 }

func three() int {
	n := one()
	return n + two()
}

func six() int {
	n := three()
	return n + n
}

func twelve() int {
	n := six()
	return n + n
}
