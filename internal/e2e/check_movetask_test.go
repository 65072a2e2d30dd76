//go:build e2e

package e2e_test

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func moveTaskChecks() []check {
	return []check{
		{
			"a move task moves dead letters back",
			`StartMessageMoveTask, DestinationArn: "If this field is left blank, the messages will be redriven back to their respective original source queues"`,
			"back 3; left 0; COMPLETED 3",
			moveBack,
		},
		{
			"a move task to another queue",
			`StartMessageMoveTask, DestinationArn: "where you would like to redrive messages"`,
			"there 2",
			func(p *probe) {
				source, letters := p.redrive("q", 1)
				other := p.queue("other")
				p.killAll(source, 2)
				_, err := p.StartMessageMoveTask(p.ctx, &sqs.StartMessageMoveTaskInput{
					SourceArn: aws.String(p.arn(letters)), DestinationArn: aws.String(p.arn(other)),
				})
				p.try(err)
				p.notef("there %d", len(p.drain(other, 2)))
			},
		},
		{
			"a move task from a queue of no dead letters",
			`StartMessageMoveTask, SourceArn: "only ARNs of dead-letter queues (DLQs) whose sources are other Amazon SQS queues are accepted"`,
			"refused true",
			func(p *probe) {
				_, err := p.StartMessageMoveTask(p.ctx, &sqs.StartMessageMoveTaskInput{SourceArn: aws.String(p.arn(p.queue("q")))})
				p.notef("refused %t", err != nil)
			},
		},
		{
			"a move task from a queue that is not there",
			`StartMessageMoveTask, error ResourceNotFoundException: "One or more specified resources don't exist"`,
			"ResourceNotFoundException",
			func(p *probe) {
				_, err := p.StartMessageMoveTask(p.ctx, &sqs.StartMessageMoveTaskInput{SourceArn: aws.String(p.arn(p.queue("q")) + "-none")})
				p.notef("%s", outcome(err))
			},
		},
		{
			"cancelling a move task that is not there",
			`CancelMessageMoveTask, error ResourceNotFoundException: "One or more specified resources don't exist"`,
			"refused true",
			func(p *probe) {
				_, err := p.CancelMessageMoveTask(p.ctx, &sqs.CancelMessageMoveTaskInput{TaskHandle: aws.String("bogus")})
				p.notef("refused %t", err != nil)
			},
		},
	}
}

// killAll sends messages and receives them until they are dead letters.
func (p *probe) killAll(source *string, n int) {
	_, err := p.sendAll(source, entries(n, "")...)
	p.try(err)
	for left := n; left > 0; {
		messages := p.receive(source, 2)
		for _, m := range messages {
			p.try(p.hide(source, m.ReceiptHandle, 0))
		}
		if left -= len(messages); len(messages) == 0 {
			p.notef("stopped, for want of a message")
			panic(stopped{})
		}
	}
	p.receive(source, 1)
}

func moveBack(p *probe) {
	source, letters := p.redrive("q", 1)
	p.killAll(source, 3)
	_, err := p.StartMessageMoveTask(p.ctx, &sqs.StartMessageMoveTaskInput{SourceArn: aws.String(p.arn(letters))})
	p.try(err)
	p.notef("back %d", len(p.drain(source, 2)))
	p.notef("left %d", len(p.receive(letters, 0)))
	deadline := time.Now().Add(5 * time.Second)
	for {
		out, err := p.ListMessageMoveTasks(p.ctx, &sqs.ListMessageMoveTasksInput{SourceArn: aws.String(p.arn(letters))})
		p.try(err)
		if len(out.Results) != 1 || aws.ToString(out.Results[0].Status) != "RUNNING" || time.Now().After(deadline) {
			p.notef("%s", moveTasks(out))
			return
		}
		p.receive(letters, 1)
	}
}

func moveTasks(out *sqs.ListMessageMoveTasksOutput) string {
	if len(out.Results) != 1 {
		return fmt.Sprintf("%d tasks", len(out.Results))
	}
	return fmt.Sprint(aws.ToString(out.Results[0].Status), " ", out.Results[0].ApproximateNumberOfMessagesMoved)
}
