package fixture

// Members has fields that are documented by their neighbours. The type's comment tells what Total is.
type Members struct {
	// A and B belong together.
	A int
	B int
	/* want */ C int

	Total int

	// E and F are on one line.
	E, F int
}
