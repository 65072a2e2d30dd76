package fixture

const e = 1
