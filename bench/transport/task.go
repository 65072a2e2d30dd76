package transport

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// args are those of the task that everybody publishes and works off: a message of 1 KB.
type args struct {
	N    int    `json:"n"`
	Text string `json:"text"`
}

const taskName = "tests.large"

func newArgs(n int) args { return args{N: n, Text: strings.Repeat("x", 840)} }

func allArgs(n int) []args {
	all := make([]args, n)
	for i := range all {
		all[i] = newArgs(i)
	}
	return all
}

// application is our side: a task and its hub.
type application struct {
	task *taskhawk.Task[args]
	hub  *taskhawk.Hub
	ran  atomic.Int64
}

func newApplication(publisher taskhawk.Publisher) (*application, error) {
	a := new(application)
	a.task = taskhawk.New(taskName, func(context.Context, args) error {
		a.ran.Add(1)
		return nil
	})
	var err error
	a.hub, err = taskhawk.NewHub(taskhawk.Config{Publisher: publisher, Tasks: []taskhawk.AnyTask{a.task}})
	return a, err
}

// application returns our side with a publisher for the env's queue.
func (r *env) application() (*application, error) {
	publisher, err := sqsx.NewPublisher(r.client, app, sqsx.PublisherConfig{})
	if err != nil {
		return nil, err
	}
	return newApplication(publisher)
}

// fill puts all tasks of the run on the queue.
func (r *env) fill() error {
	a, err := r.application()
	if err != nil {
		return err
	}
	_, err = a.task.DispatchAll(r.ctx, allArgs(r.tasks))
	return err
}

// keep is a publisher that keeps what it was given last.
type keep struct{ out *taskhawk.Outgoing }

// Publish implements taskhawk.Publisher.
func (k *keep) Publish(_ context.Context, out *taskhawk.Outgoing) error {
	k.out = out
	return nil
}

// encoded returns the message of a task as our side writes it.
func encoded() (string, error) {
	k := new(keep)
	a, err := newApplication(k)
	if err != nil {
		return "", err
	}
	_, err = a.task.Dispatch(context.Background(), newArgs(1000))
	if err != nil {
		return "", err
	}
	return k.out.Body, nil
}
