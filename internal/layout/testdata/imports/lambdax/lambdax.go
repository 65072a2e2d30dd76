package lambdax

import (
	_ "github.com/aws/aws-lambda-go"
	_ "github.com/aws/aws-sdk-go-v2/service/sns"
	_ "github.com/taskhawk/taskhawk-go/internal/hidden"
)
