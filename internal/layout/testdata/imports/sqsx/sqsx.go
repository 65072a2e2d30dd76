package sqsx

import (
	_ "github.com/taskhawk/taskhawk-go/lambdax"
	_ "github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)
