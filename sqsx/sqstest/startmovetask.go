package sqstest

import "slices"

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
		return newError("ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist.")
	}
	if !a.isDeadLetterQueue(source) {
		return errInvalidParameter("Source queue must be configured as a Dead Letter Queue.")
	}
	if slices.ContainsFunc(a.tasks, func(t *moveTask) bool { return t.sourceARN == source.arn && t.status == taskRunning }) {
		return errInvalidParameter("There is already a task running. Only one active task is allowed for a source queue arn at a given time.")
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
		return newError("ResourceNotFoundException", "The resource that you specified for the DestinationArn parameter doesn't exist.")
	case destination == source:
		return errInvalidParameter("Source queue arn and destination queue arn must be different.")
	case destination.fifo != source.fifo:
		return errInvalidParameter("The source and the destination queue must be of the same type.")
	}
	return nil
}
