module github.com/taskhawk/taskhawk-go

go 1.26.0

require (
	github.com/aws/aws-sdk-go-v2/service/sqs v1.52.10
	github.com/goccy/go-json v0.10.5
	github.com/google/uuid v1.6.0
)

require github.com/bytedance/sonic v1.14.0 // indirect
