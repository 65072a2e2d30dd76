package fixture

// HACK around it // want
