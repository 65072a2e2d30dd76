package awsbatch

import (
	_ "github.com/aws/aws-sdk-go-v2/service/sqs"
	_ "github.com/taskhawk/taskhawk-go/taskhawk"
)
