package lambdatest

import (
	_ "github.com/aws/aws-lambda-go"
	_ "github.com/taskhawk/taskhawk-go/internal/jsontext"
)
