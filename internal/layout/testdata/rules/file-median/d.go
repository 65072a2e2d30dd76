package fixture

const d = 1
