package program

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/aws/smithy-go"
)

// The exit codes. They stay compatible.
const (
	ExitOK     = 0
	ExitFailed = 1 // a command failed, or a check found an error
	ExitUsage  = 2 // wrong usage, or what was asked for could not be seen
)

// exitError is an error with an exit code. Its text is empty if the command has printed
// all.
type exitError struct {
	code int
	err  error
}

// Error returns the text of the cause.
func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

// Unwrap returns the cause.
func (e *exitError) Unwrap() error { return e.err }

// Exit returns an error that ends the program with a code and no text, nil for ExitOK.
func Exit(code int) error {
	if code == ExitOK {
		return nil
	}
	return &exitError{code: code}
}

// Usagef returns an error for wrong usage.
func Usagef(format string, args ...any) error {
	return &exitError{code: ExitUsage, err: fmt.Errorf(format, args...)}
}

// CannotSee returns an error for queues or settings that could not be seen.
func CannotSee(err error) error { return &exitError{code: ExitUsage, err: err} }

// Code returns the exit code of an error of a command.
func Code(err error) int {
	if err == nil {
		return ExitOK
	}
	if exit, ok := errors.AsType[*exitError](err); ok {
		return exit.code
	}
	if Unseen(err) {
		return ExitUsage
	}
	return ExitFailed
}

// Unseen reports whether an error says that AWS could not be asked: no permission, no
// credentials, no connection.
func Unseen(err error) bool {
	if denied(err) {
		return true
	}
	_, unreachable := errors.AsType[*net.OpError](err)
	return unreachable || noCredentials(err)
}

// denied reports whether AWS refused the caller.
func denied(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return false
	}
	code := api.ErrorCode()
	for _, part := range []string{"AccessDenied", "NotAuthorized", "UnauthorizedOperation", "AuthorizationError"} {
		if strings.Contains(code, part) {
			return true
		}
	}
	return rejected(code)
}

// rejected reports whether a code of AWS says that the credentials are not good.
func rejected(code string) bool {
	switch code {
	case "InvalidClientTokenId", "UnrecognizedClientException", "ExpiredToken", "ExpiredTokenException",
		"SignatureDoesNotMatch", "InvalidSignatureException", "InvalidAccessKeyId", "OptInRequired":
		return true
	}
	return false
}

func noCredentials(err error) bool {
	text := err.Error()
	return strings.Contains(text, "get credentials") || strings.Contains(text, "no EC2 IMDS role found")
}

// libraryAdvice is what errors and findings of the library advise for missing queues.
const libraryAdvice = "for example with sqsx.Provision"

// Words names the program's commands in a text of the library.
func (p *Program) Words(text string) string {
	return strings.ReplaceAll(text, libraryAdvice, "for example with taskhawk provision "+p.App)
}

// NoQueues is the error for an application without queues.
func (p *Program) NoQueues() error {
	return fmt.Errorf("no queue of %q exists in this account and region", p.App)
}

// Advice returns what to do about an error, "" if its text says so.
func (p *Program) Advice(err error) string {
	var path *os.PathError
	switch {
	case errors.Is(err, context.Canceled):
		return ""
	case noCredentials(err):
		return "log in, or name a profile with --profile or AWS_PROFILE"
	case denied(err):
		return "taskhawk policy writes the permissions that each role needs; see also --profile and --region"
	case errors.As(err, &path):
		return ""
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op != "listen" {
		return "look at --endpoint-url, AWS_ENDPOINT_URL_SQS and the network"
	}
	if strings.Contains(err.Error(), "in this account and region") {
		return strings.TrimSpace("check --app, --profile and --region, " +
			"or create queues with taskhawk provision " + p.App)
	}
	return ""
}
