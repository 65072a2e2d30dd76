package leaf

import _ "github.com/taskhawk/taskhawk-go/examples/tasks"
