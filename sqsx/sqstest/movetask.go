package sqstest

import (
	"slices"
	"time"
)

// The statuses of a move task.
const (
	taskRunning   = "RUNNING"
	taskCompleted = "COMPLETED"
	taskCancelled = "CANCELLED"
	taskFailed    = "FAILED"
)

// moveTask moves messages out of a dead-letter queue. With a rate of n it moves one
// message every 1/n seconds; without a rate it moves all messages at once when it starts.
type moveTask struct {
	handle      string
	sourceARN   string
	destination string // an ARN; "" sends each message back where it came from
	rate        int
	started     time.Time
	toMove      int
	moved       int
	status      string
	failure     string
}

// begin records how many messages there are to move.
func (t *moveTask) begin(messages int) {
	t.toMove, t.status = messages, taskRunning
	if messages == 0 {
		t.status = taskCompleted
	}
}

// due returns when the task moves its next message.
func (t *moveTask) due() (at time.Time, running bool) {
	if t.status != taskRunning {
		return time.Time{}, false
	}
	if t.rate == 0 {
		return t.started, true
	}
	return t.started.Add(time.Duration(t.moved+1) * time.Second / time.Duration(t.rate)), true
}

func (a *account) settleTasks(now time.Time) {
	for _, task := range a.tasks {
		for at, running := task.due(); running && !at.After(now); at, running = task.due() {
			a.advance(task, at)
		}
	}
}

// advance moves one message, or ends the task.
func (a *account) advance(t *moveTask, at time.Time) {
	source := a.queueByARN(t.sourceARN)
	if source == nil {
		t.status, t.failure = taskFailed, "AWS.SimpleQueueService.NonExistentQueue"
		return
	}
	m := source.next()
	if m == nil {
		t.status = taskCompleted
		return
	}
	target := a.queueByARN(t.destinationOf(m))
	if target == nil {
		t.status, t.failure = taskFailed, "CouldNotDetermineMessageSource"
		return
	}
	a.redrive(source, target, m, at)
	t.moved++
	if t.moved == t.toMove {
		t.status = taskCompleted
	}
}

func (t *moveTask) destinationOf(m *message) string {
	if t.destination != "" {
		return t.destination
	}
	return m.sourceARN
}

// redrive moves one message as a new one: with a new id, a new enqueue time and a receive
// count of zero ("Learn how to configure a dead-letter queue redrive in Amazon SQS"). The
// ledger key stays.
func (a *account) redrive(source, target *queue, m *message, now time.Time) {
	source.take(m)
	a.record(Redriven, source, m, now)
	a.sequence++
	fresh := &message{
		id: newID(), body: m.body, bodyMD5: m.bodyMD5, size: m.size, attributes: m.attributes,
		traceHeader: m.traceHeader, groupID: m.groupID, deduplicationID: m.deduplicationID, key: m.key,
		sequence: a.sequence, sentAt: now, retainedSince: now,
	}
	a.record(Accepted, target, fresh, now)
	target.put(fresh, now, now)
}

// maxMoveRate is the highest MaxNumberOfMessagesPerSecond.
const maxMoveRate = 500

type startMessageMoveTaskInput struct {
	SourceArn                    string `sqs:"required"`
	DestinationArn               *string
	MaxNumberOfMessagesPerSecond *int
}

type moveTaskHandle struct {
	TaskHandle string `sqs:"required"`
}

func (a *account) startMessageMoveTask(c *call, in *startMessageMoveTaskInput) (*moveTaskHandle, error) {
	task := &moveTask{handle: newID(), sourceARN: in.SourceArn, started: c.now}
	if in.DestinationArn != nil {
		task.destination = *in.DestinationArn
	}
	if n := in.MaxNumberOfMessagesPerSecond; n != nil {
		if *n < 1 || *n > maxMoveRate {
			return nil, errParameterRange("MaxNumberOfMessagesPerSecond", *n, "Must be between 1 and 500, if provided.")
		}
		task.rate = *n
	}
	if err := a.checkTask(task); err != nil {
		return nil, err
	}
	task.begin(a.queueByARN(task.sourceARN).counts[visible])
	a.tasks = append(a.tasks, task)
	a.settleTasks(c.now)
	return &moveTaskHandle{TaskHandle: task.handle}, nil
}

// checkTask checks the queues of a new task.
func (a *account) checkTask(task *moveTask) error {
	source := a.queueByARN(task.sourceARN)
	if source == nil {
		return newError(
			"ResourceNotFoundException",
			"The resource that you specified for the SourceArn parameter doesn't exist.",
		)
	}
	if !a.isDeadLetterQueue(source) {
		return errInvalidParameter("Source queue must be configured as a Dead Letter Queue.")
	}
	if slices.ContainsFunc(
		a.tasks,
		func(t *moveTask) bool { return t.sourceARN == source.arn && t.status == taskRunning },
	) {
		return errInvalidParameter(
			"There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
		)
	}
	return a.checkDestination(task, source)
}

func (a *account) checkDestination(task *moveTask, source *queue) error {
	if task.destination == "" {
		return nil
	}
	destination := a.queueByARN(task.destination)
	switch {
	case destination == nil:
		return newError(
			"ResourceNotFoundException",
			"The resource that you specified for the DestinationArn parameter doesn't exist.",
		)
	case destination == source:
		return errInvalidParameter("Source queue arn and destination queue arn must be different.")
	case destination.fifo != source.fifo:
		return errInvalidParameter("The source and the destination queue must be of the same type.")
	}
	return nil
}

type listMessageMoveTasksInput struct {
	SourceArn  string `sqs:"required"`
	MaxResults *int
}

type listMessageMoveTasksOutput struct {
	Results []moveTaskEntry
}

type moveTaskEntry struct {
	TaskHandle                        string `json:",omitempty"`
	Status                            string
	SourceArn                         string
	DestinationArn                    string `json:",omitempty"`
	MaxNumberOfMessagesPerSecond      int    `json:",omitempty"`
	ApproximateNumberOfMessagesMoved  int
	ApproximateNumberOfMessagesToMove int
	FailureReason                     string `json:",omitempty"`
	StartedTimestamp                  int64
}

// listMessageMoveTasks lists the tasks of a queue, the newest first.
func (a *account) listMessageMoveTasks(_ *call, in *listMessageMoveTasksInput) (*listMessageMoveTasksOutput, error) {
	limit := 1
	if in.MaxResults != nil {
		limit = *in.MaxResults
	}
	if limit < 1 || limit > 10 {
		return nil, errParameterRange("MaxResults", limit, "Must be between 1 and 10, if provided.")
	}
	if a.queueByARN(in.SourceArn) == nil {
		return nil, newError(
			"ResourceNotFoundException",
			"The resource that you specified for the SourceArn parameter doesn't exist.",
		)
	}
	out := &listMessageMoveTasksOutput{Results: []moveTaskEntry{}}
	for _, task := range slices.Backward(a.tasks) {
		if task.sourceARN == in.SourceArn && len(out.Results) < limit {
			out.Results = append(out.Results, task.entry())
		}
	}
	return out, nil
}

func (t *moveTask) entry() moveTaskEntry {
	entry := moveTaskEntry{
		Status: t.status, SourceArn: t.sourceARN, DestinationArn: t.destination, MaxNumberOfMessagesPerSecond: t.rate,
		ApproximateNumberOfMessagesMoved: t.moved, ApproximateNumberOfMessagesToMove: t.toMove,
		FailureReason: t.failure, StartedTimestamp: t.started.UnixMilli(),
	}
	if t.status == taskRunning {
		entry.TaskHandle = t.handle
	}
	return entry
}

type cancelMessageMoveTaskOutput struct {
	ApproximateNumberOfMessagesMoved int
}

func (a *account) cancelMessageMoveTask(_ *call, in *moveTaskHandle) (*cancelMessageMoveTaskOutput, error) {
	i := slices.IndexFunc(a.tasks, func(t *moveTask) bool { return t.handle == in.TaskHandle })
	if i < 0 {
		return nil, newError("ResourceNotFoundException", "The task of this handle does not exist.")
	}
	task := a.tasks[i]
	if task.status != taskRunning {
		return nil, newError("UnsupportedOperation", "Only active tasks can be cancelled.")
	}
	task.status = taskCancelled
	return &cancelMessageMoveTaskOutput{ApproximateNumberOfMessagesMoved: task.moved}, nil
}
