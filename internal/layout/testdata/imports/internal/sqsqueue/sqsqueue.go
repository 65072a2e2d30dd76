package sqsqueue

import (
	_ "github.com/taskhawk/taskhawk-go/sqsx"
	_ "github.com/taskhawk/taskhawk-go/taskhawk"
)
