package taskhawktest

import _ "github.com/taskhawk/taskhawk-go/lambdax"
