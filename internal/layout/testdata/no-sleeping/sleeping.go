package fixture

import "time"

func sleep() { time.Sleep(time.Second) }
