// Package taskhawk has the signatures of the other library that our documents show, and
// no more, as of its commit 5ad51c8.
package taskhawk

import (
	"context"
	"time"
)

type Priority int

const PriorityDefault Priority = iota

type Hub struct{}

func (*Hub) ListenForMessages(context.Context, ListenRequest, ConsumerBackend) error { return nil }

type ListenRequest struct {
	Priority          Priority
	NumMessages       uint32
	VisibilityTimeout time.Duration
	NumConcurrency    uint32
}

type ConsumerBackend any

type TaskFn[T any] func(ctx context.Context, input *T) error

type Task[T any] struct{}

func (Task[T]) Dispatch(context.Context, *T) error { return nil }

func RegisterTask[T any](*Hub, string, TaskFn[T]) (Task[T], error) { return Task[T]{}, nil }
