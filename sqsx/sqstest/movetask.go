package sqstest

import "time"

// The statuses of a move task.
const (
	taskRunning   = "RUNNING"
	taskCompleted = "COMPLETED"
	taskCancelled = "CANCELLED"
	taskFailed    = "FAILED"
)

// moveTask moves messages out of a dead-letter queue. With a rate of n it moves
// one every 1/n second; without one it moves all at the instant it starts.
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

// begin notes how much there is to move; nothing is done at once.
func (t *moveTask) begin(messages int) {
	t.toMove, t.status = messages, taskRunning
	if messages == 0 {
		t.status = taskCompleted
	}
}

// due is when the task moves its next message.
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
	if t.moved++; t.moved == t.toMove {
		t.status = taskCompleted
	}
}

func (t *moveTask) destinationOf(m *message) string {
	if t.destination != "" {
		return t.destination
	}
	return m.sourceARN
}

// redrive moves one message as a new one: with a new id, a new enqueue time and
// a receive count of zero ("Learn how to configure a dead-letter queue redrive
// in Amazon SQS"). The ledger's key stays.
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
