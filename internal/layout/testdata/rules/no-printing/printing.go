package fixture

import (
	"fmt"
	"io"
)

func report(w io.Writer) {
	fmt.Fprintln(w, "fine")
	fmt.Println("not fine")   // want
	fmt.Printf("%d\n", 1)     // want
	println(fmt.Sprint("no")) // want
}
