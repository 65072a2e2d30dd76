package leaf

import (
	_ "github.com/taskhawk/taskhawk-go/codec"
	_ "github.com/taskhawk/taskhawk-go/examples/tasks"
)
