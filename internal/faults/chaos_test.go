package faults_test

import (
	"context"
	"net/http"
	"runtime"
	"time"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// chooser chooses a number from 0 to n-1: by chance, or so that a failure can be shrunk.
type chooser func(n int, what string) int

// choose chooses an element.
func choose[T any](c chooser, what string, from ...T) T { return from[c(len(from), what)] }

// temper is how a task behaves; the last digit of its number says it.
type temper int

// The tempers, from the usual one to those that end as dead letters.
const (
	quick temper = iota
	moderate
	slow // outlasts the visibility timeout
	failsOnce
	retriesLater
	panicsOnce
	exitsOnce // by runtime.Goexit
	ignored
	permanent
	stubborn // ends as a dead letter where six failures are too many
	tempers
)

// behave is the handler of chaos.
func behave(ctx context.Context, n int) error {
	attempt := taskhawk.MetadataFrom(ctx).Attempt
	switch temper(n % int(tempers)) {
	case moderate:
		return long(300*time.Millisecond)(ctx, n)
	case slow:
		return long(40*time.Second)(ctx, n)
	case ignored:
		return taskhawk.Ignore(errFault)
	case permanent:
		return taskhawk.Permanent(errFault)
	case stubborn:
		if attempt <= 6 {
			return errFault
		}
	case failsOnce, retriesLater, panicsOnce, exitsOnce:
		if attempt == 1 {
			return stumble(temper(n % int(tempers)))
		}
	case quick, tempers:
	}
	return nil
}

func stumble(how temper) error {
	if how == panicsOnce {
		panic(errFault)
	}
	if how == exitsOnce {
		runtime.Goexit()
	}
	if how == retriesLater {
		return taskhawk.RetryAfter(20*time.Second, errFault)
	}
	return errFault
}

// bury notes that the task may be deleted from a dead-letter queue: a redrive does so once it has stored a copy.
func (b *book) bury(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buried[id] = true
}

// anyFault is a fault on an operation of the transport, a few times or for a while.
func anyFault(c chooser) sqstest.Fault {
	operation := choose(c, "operation", transportOperations()...)
	fault := sqstest.Fault{On: operation, After: c(2, "after") == 1, Times: 1 + c(6, "times"), Do: anyEffect(c, operation)}
	if c(3, "priority") == 0 {
		fault.Queue = queueName(choose(c, "queue", taskhawk.Priorities()...))
	}
	return fault
}

func anyEffect(c chooser, operation string) sqstest.Effect {
	effects := []func() sqstest.Effect{
		sqstest.Reset,
		sqstest.Silence,
		func() sqstest.Effect {
			return sqstest.Delay(choose(c, "delay", time.Second, 8*time.Second, 25*time.Second))
		},
		func() sqstest.Effect {
			return sqstest.Status(choose(c, "status", http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusTooManyRequests), "")
		},
		func() sqstest.Effect {
			return sqstest.Error(choose(c, "code", "InternalError", "RequestThrottled", "KmsThrottled", "AccessDenied"), "for a while")
		},
		func() sqstest.Effect { return sqstest.Truncate(c(200, "bytes")) },
		func() sqstest.Effect { return sqstest.ClockSkew(time.Hour) },
	}
	if operation == sqstest.OpReceiveMessage {
		return choose(c, "effect", append(effects, ofReceives(c)...)...)()
	}
	effects = append(effects,
		func() sqstest.Effect { return sqstest.FailEntries("InternalError", false, c(10, "entry")) },
		func() sqstest.Effect { return sqstest.FailEntries("InvalidParameterValue", true, c(10, "entry")) },
		func() sqstest.Effect { return sqstest.OmitEntries(c(10, "entry")) },
	)
	if operation == sqstest.OpSendMessageBatch {
		effects = append(effects, func() sqstest.Effect { return sqstest.CorruptMD5(c(10, "entry")) })
	} else {
		effects = append(effects, sqstest.Pretend)
	}
	return choose(c, "effect", effects...)()
}

// ofReceives are the effects that only receives have.
func ofReceives(c chooser) []func() sqstest.Effect {
	return []func() sqstest.Effect{
		func() sqstest.Effect { return sqstest.CorruptMD5(c(10, "message")) },
		func() sqstest.Effect { return sqstest.StaleReceipts(c(10, "message")) },
		func() sqstest.Effect { return sqstest.Redeliver(c(10, "message")) },
		func() sqstest.Effect { return sqstest.DuplicateInBatch(c(10, "message")) },
		sqstest.OrphanPoll,
	}
}

// anyWorker is a configuration of a worker.
func anyWorker(c chooser) sqsx.WorkerConfig {
	return sqsx.WorkerConfig{
		Concurrency:       choose(c, "concurrency", 1, 3, 10),
		Prefetch:          choose(c, "prefetch", 10, 1, 3),
		VisibilityTimeout: choose(c, "visibility", 30*time.Second, 5*time.Second),
		WaitTime:          choose(c, "wait", 20*time.Second, time.Second),
		GracePeriod:       choose(c, "grace", 25*time.Second, time.Second),
		StrictPriority:    c(2, "strict") == 1,
		AbortPolls:        c(2, "abort") == 1,
	}
}

// refusals is how often SQS may refuse what chaos makes the library ask for: changes of visibility and deletes of messages
// that were taken away, deleted by a call whose answer was lost, or held by a receipt handle that a fault has made stale.
func refusals(times int) map[string]int {
	return map[string]int{"MessageNotInflight": times, "InvalidParameterValue": times, "RequestTimeTooSkewed": times}
}
