module github.com/aws

go 1.26.0
