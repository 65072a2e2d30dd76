module github.com/cloudchacho/taskhawk-go

go 1.26.0
