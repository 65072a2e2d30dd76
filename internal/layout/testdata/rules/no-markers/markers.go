package fixture

// TODO: finish this // want

// TODO(#12): finish this.

// FIXME when https://github.com/golang/go/issues/12 is closed.

func todo() int {
	return 1 // XXX one? // want
}
