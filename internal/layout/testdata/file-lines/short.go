package fixture

const three = 3
