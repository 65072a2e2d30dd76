package sqsx

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Redrive moves dead letters back to the queue that they came from: those of each priority to the queue of that priority. (The
// Python library moves all of them to the default queue.) It ends when it has seen every dead letter that was there when it began;
// letters sent since then, by a task that failed again, wait for the next redrive.
//
// Without a filter, a limit or a dry run, SQS moves the messages by itself (StartMessageMoveTask) and Redrive waits. With one of these, or
// where SQS does not do it (no permission, another service behind the endpoint, a task that fails), Redrive receives, sends and deletes
// them, ten at a time. The report says which it was, and why.
//
// No message is lost, at whatever point Redrive is cut off: it is deleted only when its own queue has stored it. What is cut off between
// the two, by a kill or an answer of SQS that gets lost, is on both queues. When ctx ends, Redrive finishes the batch under way, so
// that this makes no copies, cancels a move task of its own, and returns within a minute. After a kill the move task goes on, and the
// next Redrive waits for it and counts what it moves.
//
// Letters that are looked at and not moved stay invisible to others until Redrive ends, so that it looks at each once, and are then
// given back. After a kill they come back by themselves, after two minutes or as long as Redrive had run. So do those of a receive
// whose answer got lost; Redrive waits for them. On a FIFO queue, a letter that is not moved also holds up those behind it in its
// group, which this redrive then does not see.
//
// A letter that cannot be moved does not hold up the others, nor does a queue: the error joins what went wrong, and the report is right
// also then. When a letter was sent is told by the clock of SQS, when Redrive began by that of this machine.
// Several redrives may run at once.
func Redrive(ctx context.Context, api RedriveAPI, queueName string, config RedriveConfig) (RedriveReport, error) {
	report := RedriveReport{Moved: map[string]int{}}
	names, err := config.check(queueName)
	if err != nil {
		return report, fmt.Errorf("sqsx: redrive: %w", err)
	}
	r, err := newRedriver(api, config)
	if err != nil {
		return report, fmt.Errorf("sqsx: redrive: %w", err)
	}
	var failed failures
	for _, name := range names {
		done := QueueRedrive{Queue: name}
		err := r.redrive(ctx, &done)
		report = report.with(done)
		if err != nil && ctx.Err() != nil {
			failed.add(caused(ctx, err))
			break
		}
		failed.add(err)
	}
	if err := failed.err(); err != nil {
		return report, fmt.Errorf("sqsx: redrive: %w", err)
	}
	return report, nil
}

// caused makes sure that an error after the end of ctx wraps the cause of that.
func caused(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// redriver is what the redrives of the queues of one call have in common.
type redriver struct {
	api     RedriveAPI
	service *service
	config  RedriveConfig
	reader  *taskReader
	began   time.Time
	tried   int // letters counted towards the limit
}

func newRedriver(api RedriveAPI, config RedriveConfig) (*redriver, error) {
	if api == nil {
		return nil, errors.New("nil API")
	}
	reader, err := newTaskReader()
	if err != nil {
		return nil, err
	}
	return &redriver{api: api, service: newService(api), config: config, reader: reader, began: time.Now()}, nil
}

// redrive moves the dead letters of one queue, by a move task if that may be and can be.
func (r *redriver) redrive(ctx context.Context, done *QueueRedrive) error {
	if !r.config.selects() {
		task := moveTask{api: r.api, urls: r.service.urls, queue: done.Queue, rate: r.config.Rate}
		err := task.run(ctx)
		done.By, done.Count.Moved = ByMoveTask, task.moved
		unfit, ok := errors.AsType[*unfitTaskError](err)
		if !ok {
			return err
		}
		done.Fallback = unfit.error
	}
	done.By = ByCopy
	return r.newPass(done).run(ctx)
}

// room is how many letters the limit still allows to try, at most most.
func (r *redriver) room(most int) int {
	if r.config.Limit == 0 {
		return most
	}
	return min(most, r.config.Limit-r.tried)
}

// inOrder returns the names, those of the most urgent priorities first, each once.
func inOrder(names map[taskhawk.Priority]string) []string {
	var ordered []string
	seen := map[string]bool{}
	for _, priority := range taskhawk.Priorities() {
		// A Naming may put several priorities on one queue.
		if name, ok := names[priority]; ok && !seen[name] {
			seen[name] = true
			ordered = append(ordered, name)
		}
	}
	return ordered
}
