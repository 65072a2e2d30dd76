package sqstest

import _ "github.com/taskhawk/taskhawk-go/codec"
