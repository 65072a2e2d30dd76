package fixture

type tool struct{}

func (tool) init() {}

func init() { tool{}.init() } // want
