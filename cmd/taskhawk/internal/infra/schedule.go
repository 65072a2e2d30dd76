package infra

import (
	"cmp"
	"fmt"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/partition"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/schedule"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// scheduleQueue is the queue for firings that could not be sent.
func scheduleQueue(app string) string { return app + "-schedules-DLQ" }

// queueURL returns the URL of a queue.
func (s *stack) queueURL(name string) string {
	return "https://sqs." + s.Region + "." + partition.Domain(s.partition()) + "/" + s.Account + "/" + name
}

func (s *stack) queueARN(name string) string {
	return "arn:" + s.partition() + ":sqs:" + s.Region + ":" + s.Account + ":" + name
}

// universalTarget is the ARN of sqs:sendMessage for EventBridge Scheduler. It has the
// partition. Source: "Using universal targets in EventBridge Scheduler".
func (s *stack) universalTarget() string {
	return "arn:" + s.partition() + ":scheduler:::aws-sdk:sqs:sendMessage"
}

// partition returns the partition of the region, as package sqscheck takes it.
func (s *stack) partition() string { return partition.Of(s.Region) }

// input is the input of the schedule's target, as package schedule writes it.
func (s *stack) input(app *App, sch *Schedule) (string, error) {
	priority, err := taskhawk.ParsePriority(cmp.Or(sch.Priority, "default"))
	if err != nil {
		return "", fmt.Errorf("schedule %q: %w", sch.Name, err)
	}
	name := ""
	for _, q := range s.queues[app.Name] {
		if q.priority == priority {
			name = q.name
		}
	}
	if name == "" {
		return "", fmt.Errorf("schedule %q: the app has no queue of priority %s", sch.Name, priority)
	}
	body, err := taskhawk.Message{
		ID: schedule.FiringID, Priority: priority, Timestamp: time.UnixMilli(1), Headers: sch.Headers,
		Task: sch.Task, Args: sch.Args, Kwargs: sch.Kwargs,
	}.MarshalJSON()
	if err != nil {
		return "", fmt.Errorf("schedule %q: %w", sch.Name, err)
	}
	out := &taskhawk.Outgoing{
		ID: schedule.FiringID, Task: sch.Task, Priority: priority, Headers: sch.Headers,
		Body: string(body), Group: sch.Group,
	}
	input, err := schedule.Input("default", app.Name+"-"+sch.Name, out, s.queueURL(name), sqsx.PublisherConfig{})
	if err != nil {
		return "", fmt.Errorf("schedule %q: %w", sch.Name, err)
	}
	return input, nil
}
