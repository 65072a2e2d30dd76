package codec

import (
	_ "github.com/aws/smithy-go"
	_ "github.com/taskhawk/taskhawk-go/internal/jsontext"
	_ "github.com/taskhawk/taskhawk-go/internal/wrong"
	_ "testing"
)
