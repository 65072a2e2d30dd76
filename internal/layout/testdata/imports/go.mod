module github.com/taskhawk/taskhawk-go

go 1.26.0

require (
	github.com/aws v0.0.0
	go.opentelemetry.io/otel v0.0.0
)

replace (
	github.com/aws => ./fake
	go.opentelemetry.io/otel => ./otel
)
