module github.com/taskhawk/taskhawk-go/bench

go 1.26.0

require (
	github.com/bytedance/sonic v1.14.0
	github.com/goccy/go-json v0.10.5
	github.com/google/uuid v1.6.0
	github.com/hibiken/asynq v0.25.1
)
