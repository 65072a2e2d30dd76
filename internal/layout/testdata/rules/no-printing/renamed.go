package fixture

import out "fmt"

func renamed() {
	out.Print("renamed") // want
}
