package taskhawk

import _ "github.com/taskhawk/taskhawk-go/internal/hidden"
