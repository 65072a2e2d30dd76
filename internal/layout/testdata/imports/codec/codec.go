package codec

import _ "testing"
