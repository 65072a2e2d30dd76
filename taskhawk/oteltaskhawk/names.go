package oteltaskhawk

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// The names of telemetry. The semantic conventions for messaging are not stable yet. When
// they change, this file and the schema URL change.
const (
	scopeName = "github.com/taskhawk/taskhawk-go/taskhawk/oteltaskhawk"
	schemaURL = semconv.SchemaURL

	keyTask     = attribute.Key("taskhawk.task")
	keyID       = attribute.Key("taskhawk.id")
	keyPriority = attribute.Key("taskhawk.priority")
	keyAttempt  = attribute.Key("taskhawk.attempt")
	keyOutcome  = attribute.Key("taskhawk.outcome")
	keyMethod   = attribute.Key("taskhawk.method")
	keyEmpty    = attribute.Key("taskhawk.empty")

	eventRetry      = "taskhawk.retry"
	eventDeadLetter = "taskhawk.dead_letter"

	operationSend    = "send"
	operationProcess = "process"
)

// unknownTask replaces the names of unregistered tasks. Any sender to a queue can choose
// such names, and each would be a series.
const unknownTask = "_unknown"

// systemMemory is the system of runs without a service, as in Sync mode.
const systemMemory = "taskhawk"

// The outcomes of a run.
const (
	outcomeDone       = "done"
	outcomeIgnored    = "ignored"
	outcomeRetry      = "retry"
	outcomeDeadLetter = "dead_letter"
)

func outcomeOf(outcome taskhawk.Outcome) string {
	switch {
	case outcome.Action == taskhawk.ActionRetry:
		return outcomeRetry
	case outcome.Action == taskhawk.ActionDeadLetter:
		return outcomeDeadLetter
	case outcome.Err != nil:
		return outcomeIgnored
	}
	return outcomeDone
}

// errorType returns the kind of an error, never its text. It is the type behind all
// wrappers without meaning, "" for nil.
func errorType(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, taskhawk.ErrUnknownTask):
		return "unknown_task"
	case errors.Is(err, taskhawk.ErrNoHandler):
		return "no_handler"
	case errors.Is(err, taskhawk.ErrTimeout):
		return "timeout"
	case errors.Is(err, taskhawk.ErrOutcomeUnknown):
		return "outcome_unknown"
	}
	if _, ok := errors.AsType[*taskhawk.PanicError](err); ok {
		return "panic"
	}
	for {
		name := fmt.Sprintf("%T", err)
		next := errors.Unwrap(err)
		if next == nil || name != "*fmt.wrapError" && name != "*taskhawk.outcomeError" {
			return name
		}
		err = next
	}
}

// safeErrorType is errorType for errors whose methods may panic.
func safeErrorType(err error) (name string) {
	defer func() {
		if recover() != nil {
			name = "_OTHER"
		}
	}()
	return errorType(err)
}

func anyCase(headers map[string]string, name string) string {
	for key, value := range headers {
		if strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}

// cache keeps one value for each key. The keys are few: names of queues and registered
// tasks, priorities, outcomes and error types.
type cache[K comparable, V any] struct {
	mu     sync.RWMutex
	values map[K]V
}

func (c *cache[K, V]) get(key K, newValue func(K) V) V {
	c.mu.RLock()
	value, ok := c.values[key]
	c.mu.RUnlock()
	if ok {
		return value
	}
	value = newValue(key)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.values == nil {
		c.values = map[K]V{}
	}
	c.values[key] = value
	return value
}
