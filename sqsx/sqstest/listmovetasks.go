package sqstest

import "slices"

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
		return nil, newError("ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist.")
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
