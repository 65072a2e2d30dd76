package sqsx

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/smithy-go"
)

// keptFailures is how many errors are kept: thousands of messages may fail for one reason.
const keptFailures = 5

// failures collects what went wrong: the first errors, and how many there were.
type failures struct {
	first []error
	count int
}

func (f *failures) add(err error) {
	if err == nil {
		return
	}
	f.count++
	if len(f.first) < keptFailures {
		f.first = append(f.first, err)
	}
}

// err is nil when nothing went wrong.
func (f *failures) err() error {
	if f.count == 0 {
		return nil
	}
	return &failuresError{*f}
}

// failuresError joins the first failures in one line.
type failuresError struct{ failures failures }

// Error gives each text once.
func (e *failuresError) Error() string {
	var texts []string
	seen := map[string]bool{}
	for _, err := range e.failures.first {
		if text := err.Error(); !seen[text] {
			seen[text] = true
			texts = append(texts, text)
		}
	}
	text := strings.Join(texts, "; ")
	if e.failures.count > len(texts) {
		text += fmt.Sprintf(" (%d failures)", e.failures.count)
	}
	return text
}

// Unwrap returns the first failures.
func (e *failuresError) Unwrap() []error { return e.failures.first }

// refusal is an error of SQS without its text, which may show receipt handles of the whole batch.
type refusal struct {
	code string
	err  error
}

// Error gives the code.
func (e *refusal) Error() string { return "SQS refused it: " + e.code }

// Unwrap returns the error of the call.
func (e *refusal) Unwrap() error { return e.err }

// withoutText hides the text of an error of SQS. Errors of the network show no receipt handle.
func withoutText(err error) error {
	if entry, ok := errors.AsType[*EntryError](err); ok {
		return &refusal{code: entry.Code, err: err}
	}
	if answer, ok := errors.AsType[smithy.APIError](err); ok {
		return &refusal{code: answer.ErrorCode(), err: err}
	}
	return err
}
