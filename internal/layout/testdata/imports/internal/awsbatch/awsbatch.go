package awsbatch

import (
	_ "github.com/aws/aws-sdk-go-v2/service/sns"
	_ "go.opentelemetry.io/otel"
)
