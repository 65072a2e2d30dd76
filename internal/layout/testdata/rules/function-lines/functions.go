package fixture

func short() int {
	return 1 +
		1
}

func long() int { // want
	n := short()
	n *= n
	return n
}

type number int

func (n number) long() int { // want
	n += 1
	n *= n
	return int(n)
}
